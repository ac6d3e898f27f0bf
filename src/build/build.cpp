#include "build/build.h"

#include <algorithm>

#include "base/text.h"
#include "build/define.h"
#include "store/export.h"

namespace imgforge::build {
namespace {

Result<> record_layers(const std::string& lock_file, spec::Lock lock, const BuiltImage& image) {
  lock.records.clear();
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    if (!image.plan.layers[i].recipe->emits()) continue;
    const store::BuiltLayer& layer = image.layers[i];
    lock.records.push_back({image.plan.layers[i].key.to_string(), layer.blob.digest.hex(),
                            layer.blob.size, layer.diff_id.hex(), layer.tar_size});
  }
  lock.manifest = image.manifest.digest.hex();
  return base::write_file_atomic(lock_file, spec::format_lock(lock));
}

}  // namespace

Result<BuiltImage> build(const BuildRequest& request, const Workplace& place) {
  // What is wanted, and what it was resolved to.
  const spec::ImageSpec spec = TRY(load_image(request.spec_file, request.layer_paths));
  const std::string lock_file = spec::lock_path(request.spec_file);
  const spec::Lock lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(lock, spec, lock_file));

  // What has to be done. From here on nothing is decided any more.
  Plan plan = TRY(make_plan(spec, lock));
  const auto held = TRY(place.store.hold());
  std::vector<LayerState> states = TRY(survey(plan, lock, place.store, spec.image));

  // Every layer in the store. After this line all digests are known.
  RunOptions options = request.run;
  options.project_directory = spec.project_directory;
  options.epoch = spec.epoch;
  RunReport report = TRY(run(plan, states, options, place));

  // The image: config and manifest, then its name.
  const AssembledImage assembled = TRY(assemble(spec, lock, plan, report.layers));
  TRY(place.store.put_document(assembled.config_json, oci::media_type::kConfig));
  const oci::Descriptor manifest =
      TRY(place.store.put_document(assembled.manifest_json, oci::media_type::kManifest));
  const std::string tag = plan.tag.to_string();
  TRY(place.store.put_image(spec.image + ":" + tag, manifest));
  TRY(remember(plan, place.store, spec.image));
  BuiltImage image{.image = spec.image,
                   .tag = tag,
                   .manifest = manifest,
                   .states = std::move(states),
                   .layers = std::move(report.layers),
                   .reused = std::move(report.reused),
                   .plan = std::move(plan)};
  for (const store::BuiltLayer& layer : assembled.layers) image.compressed_bytes += layer.blob.size;

  // Where people asked for it.
  for (const oci::Reference& output : request.outputs) {
    TRY(base::with_context(
        store::write_output(place.store, image.manifest, output, image.image + ":" + image.tag,
                            place.progress, place.stop),
        "writing " + output.to_string()));
  }
  if (request.record) TRY(record_layers(lock_file, lock, image));
  return image;
}

}  // namespace imgforge::build
