#include "build/resolve.h"

#include <fmt/format.h>

#include "archive/encoder.h"
#include "base/text.h"
#include "build/compatibility.h"
#include "build/truth.h"

namespace imgforge::build {
namespace {

const spec::LockedLayer* find_layer(const std::optional<spec::Lock>& lock, const std::string& id) {
  if (!lock) return nullptr;
  for (const spec::LockedLayer& layer : lock->layers) {
    if (layer.id == id) return &layer;
  }
  return nullptr;
}

// With --update, a layer that is not named keeps its part word for word, as long as the spec is the
// one the lock was made for; names that are no layer are packages, which the kinds look for
// themselves.
bool keeps_part(const ResolveOptions& options, const spec::ImageSpec& spec,
                const std::vector<DefinedLayer>& layers, const std::string& id) {
  if (options.update.empty() || !options.previous || options.previous->spec_digest != spec.digest) {
    return false;
  }
  if (options.update.contains(id)) return false;
  for (const std::string& name : options.update) {
    bool is_layer = false;
    for (const DefinedLayer& layer : layers) is_layer = is_layer || layer.use.id == name;
    if (!is_layer) return false;
  }
  return true;
}

}  // namespace

Result<spec::Lock> resolve(const spec::ImageSpec& spec, const ResolveOptions& options,
                           const Workplace& place) {
  const auto layers = TRY(define(spec));
  const auto scratch = TRY(place.store.scratch("lock"));
  spec::Lock lock;
  lock.spec_digest = spec.digest;
  lock.epoch = spec.epoch;
  const archive::Encoder encoder = TRY(archive::parse_encoder(spec.compression));
  lock.tools["encoder"] = archive::encoder_id(encoder);

  layer::Facts facts;
  facts.architecture = spec.platform.architecture;
  std::string system_cuda;  // CUDA libraries that a layer below the wheels brings
  for (const DefinedLayer& layer : layers) {
    const std::string frame = "layer " + layer.use.id;
    const spec::LockedLayer* previous = find_layer(options.previous, layer.use.id);
    if (previous != nullptr && previous->kind != layer.use.kind) previous = nullptr;
    std::string part;
    if (options.keep.contains(layer.use.id)) {
      if (previous == nullptr) {
        return fail(Errc::internal, frame + " is to be kept, and there is no older lock of it");
      }
      part = previous->part;
    } else if (previous != nullptr && keeps_part(options, spec, layers, layer.use.id)) {
      part = previous->part;
    } else {
      auto task = place.progress.start("resolve", layer.use.id, std::nullopt);
      const std::string folder = scratch / layer.use.id;
      TRY(base::make_directories(folder));
      layer::ResolveContext context{.store = place.store,
                                    .sources = place.sources,
                                    .below = facts,
                                    .project_directory = spec.project_directory,
                                    .scratch = folder,
                                    .progress = place.progress,
                                    .stop = place.stop};
      context.probe_file = options.probe_file;
      context.images = place.images;
      if (previous != nullptr && !options.update.empty() &&
          !options.update.contains(layer.use.id)) {
        context.previous_part = previous->part;
        context.update = options.update;
      }
      part = TRY(base::with_context(layer.definition->resolve(context), frame));
      task->finish("resolved");
    }
    const layer::Component* cuda_below = facts.find("cuda");
    if (layer.use.kind == "wheels" && cuda_below != nullptr && facts.find("torch") == nullptr) {
      system_cuda = cuda_below->version;
    }
    TRY(base::with_context(layer.definition->contribute(part, facts), frame));
    lock.layers.push_back({layer.use.id, layer.use.kind, std::move(part)});
  }
  TRY(check_words(facts, spec));
  TRY(check_compatibility(facts, system_cuda, spec, place.progress));
  for (const layer::Component& component : facts.components) {
    lock.components[component.name] = component.version;
  }
  if (options.previous) {
    lock.records = options.previous->records;
    lock.manifest = options.previous->manifest;
  }
  return lock;
}

}  // namespace imgforge::build
