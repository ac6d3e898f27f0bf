// The entry of a layer key (docs/formats/registry-cache.md):
//   an image manifest with artifactType application/vnd.imgforge.layer.v1, the empty config, the
//   layer's blob as its only layer, and the annotations dev.imgforge.layer.{key,diff-id,tar-size,
//   entries}.
// Version history: v1.
#include "registry/layer_cache.h"

#include "base/task_group.h"
#include "base/text.h"
#include "oci/artifact.h"
#include "oci/image.h"

namespace imgforge::registry {
namespace {

constexpr const char* kArtifactType = "application/vnd.imgforge.layer.v1";
constexpr const char* kKey = "dev.imgforge.layer.key";
constexpr const char* kDiffId = "dev.imgforge.layer.diff-id";
constexpr const char* kTarSize = "dev.imgforge.layer.tar-size";
constexpr const char* kEntries = "dev.imgforge.layer.entries";

std::string annotation(const oci::Manifest& manifest, const char* name) {
  const auto found = manifest.annotations.find(name);
  return found == manifest.annotations.end() ? "" : found->second;
}

}  // namespace

oci::Tag layer_cache_tag(const store::LayerKey& key) {
  return *oci::Tag::parse("imgforge-cache-" + key.to_string());
}

RawManifest layer_cache_entry(const store::LayerKey& key, const store::BuiltLayer& layer) {
  oci::Descriptor blob = layer.blob;
  blob.annotations.clear();
  const oci::Manifest manifest{.artifact_type = kArtifactType,
                               .config = oci::describe(oci::kEmptyType, oci::kEmptyJson),
                               .layers = {blob},
                               .annotations = {{kKey, key.to_string()},
                                               {kDiffId, layer.diff_id.to_string()},
                                               {kTarSize, std::to_string(layer.tar_size)},
                                               {kEntries, std::to_string(layer.entries)}}};
  std::string bytes = oci::to_json(manifest);
  return {{.media_type = oci::media_type::kManifest,
           .digest = oci::Digest::of(bytes),
           .size = bytes.size()},
          bytes};
}

std::optional<store::BuiltLayer> read_layer_cache_entry(const store::LayerKey& key,
                                                        const std::string& text) {
  const auto manifest = oci::parse_manifest(text);
  if (!manifest || manifest->artifact_type != kArtifactType || manifest->layers.size() != 1 ||
      annotation(*manifest, kKey) != key.to_string()) {
    return std::nullopt;
  }
  auto diff_id = oci::Digest::parse(annotation(*manifest, kDiffId));
  const auto tar_size = base::parse_uint(annotation(*manifest, kTarSize));
  const auto entries = base::parse_uint(annotation(*manifest, kEntries));
  if (!diff_id || !tar_size || !entries) return std::nullopt;
  return store::BuiltLayer{manifest->layers[0], *std::move(diff_id), *tar_size, *entries};
}

Result<std::vector<std::optional<store::BuiltLayer>>> LayerCache::find(
    const std::vector<store::LayerKey>& keys, std::size_t parallel, std::stop_token stop) {
  using Found = std::optional<store::BuiltLayer>;
  return base::parallel_map<Found>(
      keys.size(), parallel, stop, [&](std::size_t i, std::stop_token inner) -> Result<Found> {
        auto entry = client_.get_manifest(
            {.host = client_.host(), .repository = repository_, .tag = layer_cache_tag(keys[i])},
            inner);
        if (entry) return read_layer_cache_entry(keys[i], entry->bytes);
        if (entry.error().code() == Errc::not_found) return std::nullopt;
        return fail(std::move(entry.error()));
      });
}

// Once, and by one thread: docker-registry refuses a manifest (DIGEST_INVALID) while the same blob
// is being uploaded a second time.
Result<> LayerCache::bring_config(std::stop_token stop) {
  const std::lock_guard lock(config_mutex_);
  if (config_is_there_) return {};
  const oci::Descriptor config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
  if (!TRY(client_.has_blob(repository_, config, stop))) {
    const auto task = base::silent_progress().start("", "", std::nullopt);
    TRY(client_.put_blob(
        repository_, config,
        [] {
          return Result<std::unique_ptr<base::RandomAccess>>(
              std::make_unique<base::TextAccess>(oci::kEmptyJson));
        },
        {}, *task, stop));
  }
  config_is_there_ = true;
  return {};
}

Result<bool> LayerCache::put(const store::LayerKey& key, const store::BuiltLayer& layer,
                             std::stop_token stop) {
  const oci::Tag tag = layer_cache_tag(key);
  const auto there = TRY(client_.head_manifest(
      {.host = client_.host(), .repository = repository_, .tag = tag}, Right::push, stop));
  if (there) return false;
  TRY(bring_config(stop));
  TRY(client_.put_manifest(repository_, layer_cache_entry(key, layer), tag, stop));
  return true;
}

}  // namespace imgforge::registry
