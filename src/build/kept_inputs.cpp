#include "build/kept_inputs.h"

#include <algorithm>
#include <atomic>

#include "base/task_group.h"
#include "oci/artifact.h"
#include "oci/image.h"
#include "store/inputs_end.h"

namespace imgforge::build {
namespace {

constexpr const char* kTitle = "org.opencontainers.image.title";

}  // namespace

std::vector<content::Document> inputs_documents(const std::vector<sources::Input>& inputs,
                                                const oci::Descriptor& image) {
  std::map<oci::Digest, const sources::Input*> by_digest;
  for (const sources::Input& input : inputs) by_digest.emplace(input.digest, &input);
  std::vector<content::Document> documents;
  oci::Manifest manifest;
  const auto finish = [&] {
    if (manifest.layers.empty()) return;
    manifest.artifact_type = kInputsType;
    manifest.config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
    manifest.subject = oci::Descriptor{image.media_type, image.digest, image.size, {}, {}, {}};
    std::string bytes = oci::to_json(manifest);
    oci::Descriptor descriptor = oci::describe(oci::media_type::kManifest, bytes);
    documents.push_back({std::move(descriptor), std::move(bytes)});
    manifest = {};
  };
  for (const auto& [digest, input] : by_digest) {
    manifest.layers.push_back({.media_type = kInputType,
                               .digest = digest,
                               .size = input->size,
                               .annotations = {{kTitle, input->name}},
                               .platform = std::nullopt,
                               .artifact_type = {}});
    if (manifest.layers.size() == kInputsPerManifest) finish();
  }
  finish();
  return documents;
}

std::map<oci::Digest, KeptInput> kept_inputs(const oci::Manifest& manifest) {
  std::map<oci::Digest, KeptInput> kept;
  if (manifest.artifact_type != kInputsType) return kept;
  for (const oci::Descriptor& layer : manifest.layers) {
    const auto name = layer.annotations.find(kTitle);
    kept.emplace(layer.digest,
                 KeptInput{layer, name == layer.annotations.end() ? "" : name->second});
  }
  return kept;
}

Result<content::Moved> keep_inputs(const std::vector<sources::Input>& inputs,
                                   const oci::Descriptor& image, const store::Store& store,
                                   content::Target& target, const content::Pusher::Options& options,
                                   base::Progress& progress, std::stop_token stop) {
  store::InputsOrigin origin(store, {{oci::Digest::of(oci::kEmptyJson), oci::kEmptyJson}});
  content::Pusher pusher(origin, target, options, progress, stop);
  // One by one: none of them is the root of the others.
  for (const content::Document& document : inputs_documents(inputs, image)) {
    TRY(pusher.publish({document}, {}));
  }
  return pusher.moved();
}

Result<std::size_t> take_kept(const std::vector<sources::Input>& wanted,
                              const std::map<oci::Digest, KeptInput>& kept, content::Origin& origin,
                              store::Store& store, std::size_t parallel, base::Progress& progress,
                              std::stop_token stop) {
  std::atomic<std::size_t> taken = 0;
  const auto take = [&](std::size_t i, std::stop_token inner) -> Result<> {
    const sources::Input& input = wanted[i];
    const auto found = kept.find(input.digest);
    if (found == kept.end() || store.has_input(input.digest)) return {};
    auto task = progress.start("fetch", input.name, input.size);
    store::Ingest ingest = TRY(store.new_input(input.size));
    oci::Descriptor blob = found->second.blob;
    blob.size = input.size;
    TRY(base::with_context(origin.read_blob(blob, ingest, *task, inner),
                           "taking the kept input " + input.name));
    TRY(ingest.commit(store::Ingest::Expected{input.digest, input.size}));
    task->finish("fetched");
    ++taken;
    return {};
  };
  TRY(base::parallel_for(wanted.size(), parallel, stop, take));
  return taken.load();
}

}  // namespace imgforge::build
