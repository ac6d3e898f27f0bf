#include "build/inputs.h"

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"

namespace imgforge::build {
namespace {

bool vendored(const sources::Input& input, const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), [&](const std::string& folder) {
    return base::exists(base::join_path(folder, "sha256/" + input.digest.hex()));
  });
}

Result<> bring_probe(const sources::Input& input, const std::string& probe_file,
                     store::Store& store) {
  if (probe_file.empty()) {
    return fail(Error(Errc::not_found, "the compiled probe is not beside this imgforge")
                    .hint("imgforge doctor"));
  }
  const std::string ours = base::sha256_hex(TRY(base::read_file(probe_file)));
  if (ours == input.digest.hex()) return store.adopt_input(probe_file, input.digest, input.size);
  return fail(
      Error(Errc::refused, "the lock names another probe (" + input.digest.short_hex() +
                               ") than this imgforge carries (" + ours.substr(0, 12) + ")")
          .hint("'imgforge lock SPEC --update probe' takes this one; for the same bytes as before "
                "use "
                "the imgforge that made the lock, or inputs kept with 'imgforge fetch --vendor'"));
}

}  // namespace

Result<> bring_local(const std::vector<sources::Input>& inputs, const LocalPlaces& places,
                     store::Store& store) {
  for (const sources::Input& input : inputs) {
    if (store.has_input(input.digest) || vendored(input, places.vendor_folders)) continue;
    if (input.origin.kind == sources::Origin::Kind::builtin) {
      TRY(bring_probe(input, places.probe_file, store));
    } else if (input.origin.kind == sources::Origin::Kind::project) {
      TRY(store.adopt_input(base::join_path(places.project_directory, input.origin.path),
                            input.digest, input.size));
    }
  }
  return {};
}

BaseLayers missing_base_layers(const Plan& plan, const store::Store& store) {
  BaseLayers missing;
  for (const PlannedLayer& layer : plan.layers) {
    const auto blob = layer.recipe->base_blob();
    if (!blob || store.has_blob(blob->digest)) continue;
    ++missing.count;
    missing.bytes += blob->size;
  }
  return missing;
}

Result<> bring_base_layers(const Plan& plan, const spec::ImageSpec& spec, const Workplace& place) {
  for (const PlannedLayer& layer : plan.layers) {
    const auto blob = layer.recipe->base_blob();
    if (!blob || place.store.has_blob(blob->digest)) continue;
    const auto task = place.progress.start("fetch", layer.id, blob->size);
    base::Allowance held(0);  // nothing is unpacked
    const layer::BuildContext context{.store = place.store,
                                      .epoch = spec.epoch,
                                      .encoder = layer.encoder,
                                      .held = held,
                                      .scratch = {},
                                      .project_directory = spec.project_directory,
                                      .parents = {},
                                      .task = *task,
                                      .stop = place.stop,
                                      .images = place.images};
    TRY(base::with_context(layer.recipe->produce(context), "layer " + layer.id));
    task->finish("fetched");
  }
  return {};
}

}  // namespace imgforge::build
