// Layer key -> built layer: DIR/layers/KEYHEX.json =
//   {"blob":{"digest","media_type","size"},"diff_id","entries","tar_size"} (docs/formats/store.md)
#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

base::Json to_json(const BuiltLayer& layer) {
  return {{"blob",
           {{"digest", layer.blob.digest.to_string()},
            {"media_type", layer.blob.media_type},
            {"size", layer.blob.size}}},
          {"diff_id", layer.diff_id.to_string()},
          {"entries", layer.entries},
          {"tar_size", layer.tar_size}};
}

Result<BuiltLayer> parse_record(std::string_view text, const std::string& file) {
  const base::Json json = TRY(base::parse_json(text, file));
  base::JsonReader reader(json, "layer");
  auto blob = reader.object("blob");
  const std::string diff_id = reader.text("diff_id");
  const std::uint64_t entries = reader.number("entries");
  const std::uint64_t tar_size = reader.number("tar_size");
  TRY(reader.finish());
  const std::string digest = blob->text("digest");
  const std::string media_type = blob->text("media_type");
  const std::uint64_t size = blob->number("size");
  TRY(blob->finish());
  auto blob_digest = TRY(oci::Digest::parse(digest));
  auto tar_digest = TRY(oci::Digest::parse(diff_id));
  return BuiltLayer{
      .blob = {.media_type = media_type, .digest = std::move(blob_digest), .size = size},
      .diff_id = std::move(tar_digest),
      .tar_size = tar_size,
      .entries = entries};
}

}  // namespace

Result<LayerKey> LayerKey::parse(std::string_view hex) {
  if (hex.size() != 64 || hex.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
    return fail(Errc::invalid, "'" + std::string(hex) + "' is not a layer key");
  }
  return LayerKey(std::string(hex));
}

LayerKey LayerKey::of(std::string_view material) { return LayerKey(base::sha256_hex(material)); }

Result<std::optional<BuiltLayer>> Store::find_layer(const LayerKey& key) const {
  const std::string file = state_->path("layers/" + key.to_string() + ".json");
  const auto text = base::read_file(file);
  if (!text) {
    if (text.error().code() == Errc::not_found) return std::nullopt;
    return fail(text.error());
  }
  const auto layer = parse_record(*text, file);
  // A record that cannot be read, or whose blob is not what it says, is as good as none: the layer
  // is built again. It stays where it is: what would be removed now may be the record of another
  // build that has just made the layer.
  if (layer) {
    const auto size = blob_size(layer->blob.digest);
    if (size && *size == layer->blob.size) return *layer;
  }
  return std::nullopt;
}

Result<> Store::put_layer(const LayerKey& key, const BuiltLayer& layer) {
  return base::write_file_atomic(state_->path("layers/" + key.to_string() + ".json"),
                                 base::canonical_json(to_json(layer)));
}

Result<base::FileLock> Store::lock_layer(const LayerKey& key,
                                         const std::function<void()>& on_wait) const {
  return base::FileLock::acquire(state_->path("locks/layer-" + key.to_string()),
                                 base::FileLock::Mode::exclusive, on_wait);
}

}  // namespace imgforge::store
