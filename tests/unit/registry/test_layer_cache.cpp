#include "base/json.h"
#include "catch.h"
#include "registry/layer_cache.h"

using namespace imgforge;
using registry::layer_cache_entry;
using registry::read_layer_cache_entry;

namespace {

const store::LayerKey kKey = store::LayerKey::of("material");

store::BuiltLayer layer() {
  return {{.media_type = oci::media_type::kLayerZstd,
           .digest = oci::Digest::of("blob"),
           .size = 123'456'789'012},
          oci::Digest::of("tar"),
          234'567'890'123,
          42};
}

}  // namespace

TEST_CASE("an entry comes back as it was, under a tag that is one") {
  const auto entry = layer_cache_entry(kKey, layer());
  CHECK(read_layer_cache_entry(kKey, entry.bytes) == layer());
  CHECK(oci::Digest::of(entry.bytes) == entry.descriptor.digest);
  CHECK(registry::layer_cache_tag(kKey).to_string() == "imgforge-cache-" + kKey.to_string());
}

TEST_CASE("the form of an entry (docs/formats/registry-cache.md)") {
  CHECK(
      layer_cache_entry(kKey, layer()).bytes ==
      R"({"annotations":{"dev.imgforge.layer.diff-id":")" + oci::Digest::of("tar").to_string() +
          R"(","dev.imgforge.layer.entries":"42","dev.imgforge.layer.key":")" + kKey.to_string() +
          R"(","dev.imgforge.layer.tar-size":"234567890123"},)"
          R"("artifactType":"application/vnd.imgforge.layer.v1",)"
          R"("config":{"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",)"
          R"("mediaType":"application/vnd.oci.empty.v1+json","size":2},)"
          R"("layers":[{"digest":")" +
          oci::Digest::of("blob").to_string() +
          R"(","mediaType":"application/vnd.oci.image.layer.v1.tar+zstd","size":123456789012}],)"
          R"("mediaType":"application/vnd.oci.image.manifest.v1+json","schemaVersion":2})");
}

TEST_CASE("an entry of another key, and a damaged one, is none") {
  const std::string good = layer_cache_entry(kKey, layer()).bytes;
  CHECK_FALSE(read_layer_cache_entry(store::LayerKey::of("other"), good));
  const auto changed = [&](const std::function<void(base::Json&)>& change) {
    base::Json json = REQUIRE_OK(base::parse_json(good, "entry"));
    change(json);
    return read_layer_cache_entry(kKey, json.dump()).has_value();
  };
  CHECK(changed([](base::Json&) {}));
  CHECK_FALSE(changed([](base::Json& json) { json["artifactType"] = "application/x"; }));
  CHECK_FALSE(changed([](base::Json& json) { json["layers"].push_back(json["layers"][0]); }));
  CHECK_FALSE(changed([](base::Json& json) { json["layers"] = base::Json::array(); }));
  for (const char* name : {"diff-id", "entries", "tar-size", "key"}) {
    const std::string annotation = std::string("dev.imgforge.layer.") + name;
    CHECK_FALSE(changed([&](base::Json& json) { json["annotations"].erase(annotation); }));
    CHECK_FALSE(changed([&](base::Json& json) { json["annotations"][annotation] = "x"; }));
  }
  for (const char* text : {"", "{}", "[]", "<html>"})
    CHECK_FALSE(read_layer_cache_entry(kKey, text));
}
