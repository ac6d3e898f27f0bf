#include "cli/keeping.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "build/define.h"
#include "build/documents.h"
#include "build/inputs.h"
#include "build/kept_inputs.h"
#include "cli/build_facts.h"
#include "cli/commands/shared.h"
#include "cli/version.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kTransfers = 6;

Result<std::string> keep_documents(App& app, const build::BuiltImage& image,
                                   release::Repository& repository, const std::string& spec_file) {
  build::BuildDocuments documents =
      TRY(build::collect_documents(spec_file, app.settings().layer_paths));
  documents.build_id = image.plan.tag.parts().build;
  documents.version = kVersion;
  if (const auto source = build_facts(app.settings(), spec_file).source) {
    documents.source = source->uri;
    documents.commit = source->commit;
  }
  const release::Artifact artifact = build::documents_artifact(documents, image.manifest);
  const oci::Digest digest = artifact.manifest.descriptor.digest;
  const auto there = TRY(repository.artifacts(image.manifest.digest));
  const bool already = std::any_of(there.begin(), there.end(), [&](const auto& one) {
    return one.manifest.descriptor.digest == digest;
  });
  if (!already) TRY(repository.attach(artifact));
  return fmt::format("spec, lock and {} layer definitions {} {}", documents.definitions.size(),
                     already ? "were kept already as" : "kept as", digest.to_string());
}

Result<std::string> keep_inputs(App& app, const build::BuiltImage& image, content::Target& target,
                                const Keeping& keeping) {
  const auto inputs = all_inputs(image.plan);
  store::Store& store = *TRY(app.store());
  const auto held = TRY(store.hold());
  // Layers that were found elsewhere were built without their inputs.
  std::vector<sources::Input> missing;
  for (const sources::Input& input : inputs) {
    if (store.has_input(input.digest)) continue;
    const oci::Descriptor blob{
        .media_type = build::kInputType, .digest = input.digest, .size = input.size};
    if (!TRY(target.has_blob(blob, app.stop()))) missing.push_back(input);
  }
  const spec::ImageSpec spec =
      TRY(build::load_image(keeping.spec_file, app.settings().layer_paths));
  TRY(build::bring_local(missing,
                         {.probe_file = app.settings().probe_file,
                          .project_directory = spec.project_directory,
                          .vendor_folders = app.settings().addresses.vendor_folders},
                         store));
  TRY((*TRY(app.sources())).fetch(missing, kTransfers, app.stop()));
  const content::Moved moved = TRY(build::keep_inputs(
      inputs, image.manifest, store, target, {.verb = "keep", .mount_from = keeping.mount_from},
      app.progress(), app.stop()));
  std::uint64_t bytes = 0;
  for (const sources::Input& input : inputs) bytes += input.size;
  return fmt::format("{} inputs ({}) kept: {} blobs sent ({}), {} mounted, {} there already",
                     inputs.size(), base::human_bytes(bytes), moved.sent.blobs,
                     base::human_bytes(moved.sent.bytes), moved.mounted.blobs, moved.there.blobs);
}

}  // namespace

Result<std::vector<std::string>> keep_beside(App& app, const build::BuiltImage& image,
                                             release::Repository& repository,
                                             content::Target& target, const Keeping& keeping) {
  std::vector<std::string> sentences;
  sentences.push_back(TRY(base::with_context(
      keep_documents(app, image, repository, keeping.spec_file), "keeping spec and lock")));
  if (keeping.inputs) {
    sentences.push_back(
        TRY(base::with_context(keep_inputs(app, image, target, keeping), "keeping the inputs")));
  }
  return sentences;
}

}  // namespace imgforge::cli
