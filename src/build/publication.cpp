#include "build/publication.h"

#include <fmt/format.h>

#include <atomic>

#include "base/task_group.h"
#include "build/build.h"
#include "release/publish.h"
#include "store/ends.h"

namespace imgforge::build {
namespace {

std::string annotation(const oci::Manifest& manifest, const char* name) {
  const auto found = manifest.annotations.find(name);
  return found == manifest.annotations.end() ? std::string() : found->second;
}

content::Document document(std::string bytes) {
  oci::Descriptor descriptor{.media_type = oci::media_type::kManifest,
                             .digest = oci::Digest::of(bytes),
                             .size = bytes.size()};
  return {std::move(descriptor), std::move(bytes)};
}

}  // namespace

Publication::Publication(const Destination& destination, const Workplace& place)
    : destination_(destination),
      place_(place),
      store_(std::make_unique<store::StoreEnd>(place.store)) {
  content::Pusher::Options options{.parallel = destination.parallel,
                                   .mount_from = destination.mount_from};
  if (destination.cache != nullptr && destination.cache_target != nullptr) {
    options.mount_from.push_back(destination.cache->repository());
  }
  pusher_ = std::make_unique<content::Pusher>(*store_, *destination.target, std::move(options),
                                              place.progress, place.stop);
}

Result<> Publication::compare_with(const release::BuildTag& tag, const std::string& spec_digest,
                                   const std::string& lock_identity) {
  existing_ = TRY(destination_.target->find(tag.to_string(), place_.stop));
  hold_ = false;
  if (!existing_) return {};
  const content::Document there = TRY(destination_.target->document(*existing_, place_.stop));
  const auto manifest = oci::parse_manifest(there.bytes);
  hold_ = manifest && annotation(*manifest, kSpecAnnotation) == "sha256:" + spec_digest &&
          annotation(*manifest, kLockAnnotation) == "sha256:" + lock_identity;
  return {};
}

Result<> Publication::look_at(const release::BuildTag& tag, const std::string& spec_digest,
                              const std::string& lock_identity) {
  TRY(compare_with(tag, spec_digest, lock_identity));
  if (!existing_ || hold_) return {};
  return fail(Error(Errc::refused,
                    fmt::format("the build tag {} is taken in {}: it names {}, which was made from "
                                "another spec or lock",
                                tag.to_string(), destination_.target->name(),
                                existing_->digest.to_string()))
                  .hint("a build tag is written once; raise `build:` in the spec, or let --bump "
                        "take the next free build id")
                  .with("existing", existing_->digest.to_string()));
}

Result<> Publication::find_layers(const Plan& plan, std::vector<LayerState>& states) {
  // By the lock's records: the team vouches for them, and the registry for having the blob.
  const auto lacks = [&](std::size_t i) {
    return !states[i].built && !states[i].elsewhere && plan.layers[i].recipe->emits();
  };
  const std::size_t parallel = destination_.parallel;
  TRY(base::parallel_for(states.size(), parallel, place_.stop,
                         [&](std::size_t i, std::stop_token stop) -> Result<> {
                           if (!lacks(i) || !states[i].record) return {};
                           const auto layer = recorded_layer(plan.layers[i], *states[i].record);
                           if (!layer) return {};
                           if (TRY(destination_.target->has_blob(layer->blob, stop))) {
                             states[i].elsewhere = layer;
                           }
                           return {};
                         }));
  if (destination_.cache == nullptr) return {};
  std::vector<std::size_t> asked;
  std::vector<store::LayerKey> keys;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (!lacks(i)) continue;
    asked.push_back(i);
    keys.push_back(plan.layers[i].key);
  }
  const auto found = TRY(destination_.cache->find(keys, parallel, place_.stop));
  for (std::size_t i = 0; i < asked.size(); ++i) {
    LayerState& state = states[asked[i]];
    // What the lock records is what the layer must be, whoever says something else.
    if (!found[i] || (state.record && state.record->digest != found[i]->blob.digest.hex())) continue;
    state.elsewhere = found[i];
  }
  return {};
}

void Publication::offer(const oci::Descriptor& layer) {
  if (!hold_) pusher_->offer(layer);
}

Result<> Publication::bring(const oci::Descriptor& layer, std::stop_token stop) {
  if (place_.store.has_blob(layer.digest)) return {};
  content::Target& from =
      destination_.cache_target != nullptr &&
              !TRY(destination_.target->has_blob(layer, stop))
          ? *destination_.cache_target
          : *destination_.target;
  auto task = place_.progress.start("pull", from.name() + " " + layer.digest.short_hex(),
                                    layer.size);
  TRY(store_->take_blob(layer, from, {}, *task, stop));
  task->finish("pulled");
  return {};
}

Result<std::size_t> Publication::write_cache(const BuiltImage& image) {
  if (destination_.cache == nullptr) return 0;
  const Plan& plan = image.plan;
  const auto& layers = image.layers;
  std::atomic<std::size_t> written = 0;
  const auto write = [&](std::size_t i, std::stop_token stop) -> Result<> {
    if (!plan.layers[i].recipe->emits() || image.states[i].elsewhere) return {};
    if (destination_.cache_target != nullptr) {
      auto task = place_.progress.start("cache", plan.layers[i].id, layers[i].blob.size);
      content::Ways ways;
      if (const auto from = destination_.target->place()) ways.mount_from = {from->repository};
      TRY(destination_.cache_target->take_blob(layers[i].blob, *store_, ways, *task, stop));
      task->finish("cached");
    }
    if (TRY(destination_.cache->put(plan.layers[i].key, layers[i], stop))) ++written;
    return {};
  };
  TRY(base::parallel_for(layers.size(), destination_.parallel, place_.stop, write));
  return written.load();
}

Result<Published> Publication::publish(const BuiltImage& image, const AssembledImage& documents) {
  const content::Document root = document(documents.manifest_json);
  const release::BuildTag& tag = image.plan.tag;
  const std::string name = tag.to_string();
  Published published{.tag = name};
  for (const LayerState& state : image.states) published.layers_found += state.elsewhere ? 1 : 0;
  const auto free_or_ours = [&]() -> Result<release::Publication> {
    const auto now = TRY(destination_.target->find(name, place_.stop));
    const auto named = now ? std::optional(now->digest) : std::nullopt;
    return release::decide_publication(tag, root.descriptor.digest, named);
  };
  published.present = TRY(free_or_ours()) == release::Publication::present;
  if (!published.present) {
    TRY(pusher_->publish({root}, {}));
    published.moved = pusher_->moved();
  }
  if (destination_.before_tags) TRY(destination_.before_tags(image, published.present));
  if (!published.present && TRY(free_or_ours()) == release::Publication::write) {
    TRY(destination_.target->tag(root, name, place_.stop));
  }
  if (!published.present) {
    // The image is out. What the cache cannot take is built again by the next machine.
    auto written = write_cache(image);
    if (written) {
      published.cache_entries = *written;
    } else {
      place_.progress.note("the layer cache was not written: " + written.error().message());
    }
  }
  return published;
}

}  // namespace imgforge::build
