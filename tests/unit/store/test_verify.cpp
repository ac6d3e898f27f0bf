#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

TEST_CASE("a whole store has no damage") {
  auto place = TestStore::make();
  small_image(place.store);
  CHECK(REQUIRE_OK(place.store.verify(false, base::silent_progress(), {})).empty());
}

TEST_CASE("damage is found, named, and moved away on request") {
  auto place = TestStore::make();
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", noise(50000)}});
  const auto image = put_image_of(place.store, {layer});
  const LayerKey key = LayerKey::of("k");
  REQUIRE_OK(place.store.put_layer(key, layer));
  REQUIRE_OK(place.store.put_image("t", image));
  const std::string file = place.folder / "input";
  REQUIRE_OK(base::write_file_atomic(file, "input"));
  const oci::Digest input = oci::Digest::of("input");
  REQUIRE_OK(place.store.adopt_input(file, input, 5));
  damage(place.store.blob_path(layer.blob.digest));
  REQUIRE_OK(base::write_file_atomic(place.store.input_path(input), "cut"));
  REQUIRE_OK(base::write_file_atomic(place.path("blobs/sha256/junk"), "?"));

  const auto damages = REQUIRE_OK(place.store.verify(false, base::silent_progress(), {}));
  REQUIRE(damages.size() == 3);
  CHECK(damages[0].path == "blobs/sha256/" + layer.blob.digest.hex());
  CHECK_THAT(damages[0].what, Catch::StartsWith("its content has digest sha256:"));
  CHECK(damages[1].path == "blobs/sha256/junk");
  CHECK(damages[2].path == "inputs/sha256/" + input.hex());
  CHECK(place.store.has_input(input));  // only looked

  CHECK(REQUIRE_OK(place.store.verify(true, base::silent_progress(), {})).size() == 3);
  CHECK_FALSE(place.store.has_input(input));
  CHECK(base::exists(place.path("tmp/damaged-" + input.hex())));
  CHECK_FALSE(REQUIRE_OK(place.store.find_layer(key)));  // is built again
  CHECK(REQUIRE_OK(place.store.verify(false, base::silent_progress(), {})).empty());

  const BuiltLayer again = put_layer_blob(place.store, {{"a", noise(50000)}});
  CHECK(again == layer);
  require_valid(place.store.directory());
  const auto report = REQUIRE_OK(place.store.prune({}));
  CHECK(report.files == 3);  // the quarantined
}

TEST_CASE("verifying can be interrupted, and runs beside builds but not beside prune") {
  auto place = TestStore::make();
  small_image(place.store);
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(place.store.verify(true, base::silent_progress(), stopped.get_token()).error().code() ==
        Errc::cancelled);
  CHECK(REQUIRE_OK(place.store.usage()).temporary_bytes == 0);
  const auto build = REQUIRE_OK(place.store.hold());
  CHECK(place.store.verify(false, base::silent_progress(), {}));
}
