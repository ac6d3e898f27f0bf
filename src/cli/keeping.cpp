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
#include "cli/ends.h"
#include "cli/version.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kTransfers = 6;

Result<Kept::Documents> keep_documents(App& app, const build::BuiltImage& image,
                                       release::Repository& repository,
                                       const std::string& spec_file) {
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
  return Kept::Documents{
      .digest = digest,
      .definitions = documents.definitions.size(),
      .files = 2 + documents.definitions.size() + documents.files.size(),  // and spec and lock
      .there_already = already};
}

Result<Kept::Inputs> keep_inputs(App& app, const build::BuiltImage& image, content::Target& target,
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
  Kept::Inputs kept{.files = inputs.size(), .bytes = 0, .moved = {}};
  kept.moved = TRY(build::keep_inputs(inputs, image.manifest, store, target,
                                      {.verb = "keep", .mount_from = keeping.mount_from},
                                      app.progress(), app.stop()));
  for (const sources::Input& input : inputs) kept.bytes += input.size;
  return kept;
}

}  // namespace

std::vector<std::string> sentences(const Kept& kept) {
  std::vector<std::string> out;
  if (const auto& documents = kept.documents) {
    out.push_back(fmt::format("spec, lock and {} layer definitions {} {}", documents->definitions,
                              documents->there_already ? "were kept already as" : "kept as",
                              documents->digest.to_string()));
  }
  if (const auto& inputs = kept.inputs) {
    out.push_back(
        fmt::format("{} inputs ({}) kept: {} blobs sent ({}), {} mounted, {} there already",
                    inputs->files, base::human_bytes(inputs->bytes), inputs->moved.sent.blobs,
                    base::human_bytes(inputs->moved.sent.bytes), inputs->moved.mounted.blobs,
                    inputs->moved.there.blobs));
  }
  return out;
}

base::Json to_json(const Kept& kept) {
  base::Json rows = base::Json::array();
  if (const auto& documents = kept.documents) {
    rows.push_back({{"what", "documents"},
                    {"digest", documents->digest.to_string()},
                    {"files", documents->files},
                    {"there_already", documents->there_already}});
  }
  if (const auto& inputs = kept.inputs) {
    rows.push_back({{"what", "inputs"},
                    {"files", inputs->files},
                    {"bytes", inputs->bytes},
                    {"sent", counted_json(inputs->moved.sent)},
                    {"mounted", counted_json(inputs->moved.mounted)},
                    {"there", counted_json(inputs->moved.there)}});
  }
  return rows;
}

Result<Kept> keep_beside(App& app, const build::BuiltImage& image, release::Repository& repository,
                         content::Target& target, const Keeping& keeping) {
  Kept kept;
  kept.documents = TRY(base::with_context(keep_documents(app, image, repository, keeping.spec_file),
                                          "keeping spec and lock"));
  if (keeping.inputs) {
    kept.inputs =
        TRY(base::with_context(keep_inputs(app, image, target, keeping), "keeping the inputs"));
  }
  return kept;
}

}  // namespace imgforge::cli
