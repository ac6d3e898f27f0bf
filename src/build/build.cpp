#include "build/build.h"

#include <algorithm>

#include "base/text.h"
#include "build/define.h"
#include "release/publish.h"
#include "store/export.h"

namespace imgforge::build {
namespace {

struct Job {
  const BuildRequest& request;
  const Workplace& place;
  spec::ImageSpec spec;
  spec::Lock lock;
  std::string lock_file;
  Publication* publication;  // null: the image stays here
};

struct Made {
  BuiltImage image;
  AssembledImage assembled;
};

Result<> record_layers(const Job& job, const BuiltImage& image) {
  spec::Lock lock = job.lock;
  lock.records.clear();
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    if (!image.plan.layers[i].recipe->emits()) continue;
    const store::BuiltLayer& layer = image.layers[i];
    lock.records.push_back({image.plan.layers[i].key.to_string(), layer.blob.digest.hex(),
                            layer.blob.size, layer.diff_id.hex(), layer.tar_size});
  }
  lock.manifest = image.manifest.digest.hex();
  return base::write_file_atomic(job.lock_file, spec::format_lock(lock));
}

// The image when no layer has to be made any more.
Result<std::optional<RunReport>> known_already(const Job& job, const Plan& plan,
                                               const std::vector<LayerState>& states) {
  RunReport report;
  for (std::size_t i = 0; i < states.size(); ++i) {
    const LayerState& state = states[i];
    if (plan.layers[i].recipe->emits() && !state.built && !state.elsewhere) return std::nullopt;
    if (!plan.layers[i].recipe->emits()) {
      // A step that only checks: it has passed where this very image was published.
      report.layers.push_back(store::BuiltLayer{.blob = {.digest = oci::Digest::of("")},
                                                .diff_id = oci::Digest::of("")});
    } else {
      report.layers.push_back(state.built ? *state.built : *state.elsewhere);
    }
    report.reused.push_back(true);
  }
  const AssembledImage assembled = TRY(assemble(job.spec, job.lock, plan, report.layers));
  const auto& existing = job.publication->existing();
  if (!existing || existing->digest != oci::Digest::of(assembled.manifest_json)) {
    return std::nullopt;
  }
  return report;
}

Result<RunReport> make_layers(const Job& job, const Plan& plan, std::vector<LayerState>& states) {
  RunOptions options = job.request.run;
  options.project_directory = job.spec.project_directory;
  options.epoch = job.spec.epoch;
  Publication* publication = job.publication;
  if (publication == nullptr) return run(plan, states, options, job.place);

  const bool here_alone = options.check || options.ignore_records;
  if (!here_alone) TRY(publication->find_layers(plan, states));
  if (!here_alone && job.request.outputs.empty()) {
    if (auto report = TRY(known_already(job, plan, states))) return std::move(*report);
  }
  options.on_layer = [&](std::size_t i, const store::BuiltLayer& layer) {
    // With --bump the build id, which the promise holds, may still change.
    if (!(job.request.bump && plan.layers[i].kind == "promise")) publication->offer(layer.blob);
  };
  options.bring = [&](const oci::Descriptor& layer, std::stop_token stop) {
    return publication->bring(layer, stop);
  };
  RunReport report = TRY(run(plan, states, options, job.place));
  if (!job.request.outputs.empty() || job.request.destination->needs_layers) {
    for (std::size_t i = 0; i < states.size(); ++i) {
      if (states[i].elsewhere) TRY(publication->bring(report.layers[i].blob, job.place.stop));
    }
  }
  return report;
}

// Plan, layers, image: for the build id that stands in the spec of the job.
Result<Made> make(const Job& job, Plan plan) {
  const Workplace& place = job.place;
  std::vector<LayerState> states = TRY(survey(plan, job.lock, place.store, job.spec.image));

  // Every layer in the store or in the registry. After this line all digests are known.
  RunReport report = TRY(make_layers(job, plan, states));

  // The image: config and manifest, then its name.
  AssembledImage assembled = TRY(assemble(job.spec, job.lock, plan, report.layers));
  TRY(place.store.put_document(assembled.config_json, oci::media_type::kConfig));
  const oci::Descriptor manifest =
      TRY(place.store.put_document(assembled.manifest_json, oci::media_type::kManifest));
  const std::string tag = plan.tag.to_string();
  const bool in_store =
      std::all_of(assembled.layers.begin(), assembled.layers.end(),
                  [&](const auto& layer) { return place.store.has_blob(layer.blob.digest); });
  if (in_store) TRY(place.store.put_image(job.spec.image + ":" + tag, manifest));
  TRY(remember(plan, place.store, job.spec.image));
  BuiltImage image{.image = job.spec.image,
                   .tag = tag,
                   .manifest = manifest,
                   .states = std::move(states),
                   .layers = std::move(report.layers),
                   .reused = std::move(report.reused),
                   .in_store = in_store,
                   .published = std::nullopt,
                   .plan = std::move(plan)};
  for (const store::BuiltLayer& layer : assembled.layers) image.compressed_bytes += layer.blob.size;
  return Made{std::move(image), std::move(assembled)};
}

// Under which build id: the newest one of the destination if it is this image, else the next.
Result<Made> make_bumped(Job& job, Plan plan) {
  const release::BuildTag wanted = plan.tag;
  const auto names = TRY(job.request.destination->tags(job.place.stop));
  const auto builds = release::builds_like(wanted, names);
  std::vector<release::PublishedTag> published;
  const std::string identity = lock_identity(job.lock);
  if (!builds.empty()) {
    const release::BuildTag& newest = builds.back();
    TRY(job.publication->compare_with(newest, job.spec.digest, identity));
    if (const auto& there = job.publication->existing()) {
      published.push_back({newest.to_string(), there->digest});
    }
    job.spec.build = newest.parts().build;
    plan = TRY(make_plan(job.spec, job.lock));
  }
  Made made = TRY(make(job, std::move(plan)));
  const release::Bump bump = TRY(release::bump(wanted, made.image.manifest.digest, published));
  if (bump.tag == made.image.plan.tag) return made;
  job.spec.build = bump.tag.parts().build;
  TRY(job.publication->look_at(bump.tag, job.spec.digest, identity));
  return make(job, TRY(make_plan(job.spec, job.lock)));
}

}  // namespace

Result<BuiltImage> build(const BuildRequest& request, const Workplace& place) {
  // What is wanted, and what it was resolved to.
  Job job{.request = request,
          .place = place,
          .spec = TRY(load_image(request.spec_file, request.layer_paths)),
          .lock = {},
          .lock_file = spec::lock_path(request.spec_file),
          .publication = nullptr};
  job.lock = TRY(spec::load_lock(job.lock_file));
  TRY(spec::check_lock(job.lock, job.spec, job.lock_file));
  if (!request.build_id.empty()) job.spec.build = request.build_id;
  if (!request.project_directory.empty()) {
    job.spec.project_directory = request.project_directory;
  }

  // What has to be done. From here on nothing is decided any more.
  Plan plan = TRY(make_plan(job.spec, job.lock, request.ignore_local_changes));
  const auto held = TRY(place.store.hold());

  // Where it goes: a tag that another image has is known before anything is built.
  std::optional<Publication> publication;
  if (request.destination != nullptr) {
    publication.emplace(*request.destination, place);
    job.publication = &*publication;
    if (!request.bump) {
      TRY(publication->look_at(plan.tag, job.spec.digest, lock_identity(job.lock)));
    }
  }
  const bool bumped = publication && request.bump;
  Made made = bumped ? TRY(make_bumped(job, std::move(plan))) : TRY(make(job, std::move(plan)));
  BuiltImage& image = made.image;

  // Where people asked for it.
  for (const oci::Reference& output : request.outputs) {
    TRY(base::with_context(
        store::write_output(place.store, image.manifest, output, image.image + ":" + image.tag,
                            place.progress, place.stop),
        "writing " + output.to_string()));
  }
  if (publication) {
    image.published = TRY(publication->publish(image, made.assembled));
  }
  if (request.record) TRY(record_layers(job, image));
  return std::move(made.image);
}

}  // namespace imgforge::build
