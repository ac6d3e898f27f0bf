#include <signal.h>
#include <unistd.h>

#include <thread>

#include <chrono>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {
std::string record(const TestStore& place, const LayerKey& key) {
  return place.path("layers/" + key.to_string() + ".json");
}
}  // namespace

TEST_CASE("a layer key is 64 hex digits and reads back") {
  const LayerKey key = LayerKey::of("material");
  CHECK(REQUIRE_OK(LayerKey::parse(key.to_string())) == key);
  CHECK(LayerKey::of("material") == key);
  CHECK(LayerKey::of("other") != key);
  CHECK(key.short_hex().size() == 12);
  for (const std::string& bad : {std::string(), std::string(63, 'a'), std::string(64, 'A'),
                                 std::string(64, '/'), key.to_string() + "0"}) {
    CHECK(LayerKey::parse(bad).error().code() == Errc::invalid);
  }
}

TEST_CASE("a finished layer is found again") {
  auto place = TestStore::make();
  const LayerKey key = LayerKey::of("k");
  CHECK_FALSE(REQUIRE_OK(place.store.find_layer(key)));
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", "b"}});
  REQUIRE_OK(place.store.put_layer(key, layer));
  CHECK(REQUIRE_OK(place.store.find_layer(key)) == layer);
  const Store again = REQUIRE_OK(Store::open(place.store.directory()));
  CHECK(REQUIRE_OK(again.find_layer(key)) == layer);
  // Golden: the format that docs/formats/store.md describes.
  CHECK(REQUIRE_OK(base::read_file(record(place, key))) ==
        R"({"blob":{"digest":")" + layer.blob.digest.to_string() + R"(","media_type":")" +
            layer.blob.media_type + R"(","size":)" + std::to_string(layer.blob.size) +
            R"(},"diff_id":")" + layer.diff_id.to_string() + R"(","entries":1,"tar_size":)" +
            std::to_string(layer.tar_size) + "}");
}

TEST_CASE("a record without its blob, or that cannot be read, is dropped") {
  auto place = TestStore::make();
  const LayerKey key = LayerKey::of("k");
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", "b"}});
  REQUIRE_OK(place.store.put_layer(key, layer));
  SECTION("the blob is gone") {
    REQUIRE_OK(base::remove_all(place.store.blob_path(layer.blob.digest)));
  }
  SECTION("the blob was cut") {
    REQUIRE_OK(base::write_file_atomic(place.store.blob_path(layer.blob.digest), "cut"));
  }
  SECTION("no JSON") { REQUIRE_OK(base::write_file_atomic(record(place, key), "{\"blob\":")); }
  SECTION("a field too much") {
    std::string text = REQUIRE_OK(base::read_file(record(place, key)));
    text.insert(1, "\"x\":1,");
    REQUIRE_OK(base::write_file_atomic(record(place, key), text));
  }
  SECTION("no blob in it") {
    REQUIRE_OK(base::write_file_atomic(
        record(place, key),
        R"({"diff_id":")" + layer.diff_id.to_string() + R"(","entries":1,"tar_size":1})"));
  }
  CHECK_FALSE(REQUIRE_OK(place.store.find_layer(key)));
  // The next build of the layer replaces it.
  const BuiltLayer again = put_layer_blob(place.store, {{"a", "b"}});
  REQUIRE_OK(place.store.put_layer(key, again));
  CHECK(REQUIRE_OK(place.store.find_layer(key)) == again);
}

TEST_CASE("looking for a layer takes no record away that another build has just put") {
  auto place = TestStore::make();
  const LayerKey key = LayerKey::of("k");
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", "b"}});
  for (int round = 0; round < 300; ++round) {
    ::unlink(record(place, key).c_str());
    std::jthread looking([&] {
      for (int i = 0; i < 20; ++i) (void)place.store.find_layer(key);
    });
    REQUIRE_OK(place.store.put_layer(key, layer));
    looking.join();
    REQUIRE(REQUIRE_OK(place.store.find_layer(key)) == layer);
  }
}

TEST_CASE("one builder per layer: the second waits and then finds it") {
  auto place = TestStore::make();
  const LayerKey key = LayerKey::of("k");
  int ready[2];
  REQUIRE(::pipe(ready) == 0);
  const pid_t builder = fork_child([&] {
    auto store = Store::open(place.store.directory());
    const auto lock = store->lock_layer(key);
    if (!lock || ::write(ready[1], "x", 1) != 1) return false;
    ::usleep(200000);
    const BuiltLayer layer = put_layer_blob(*store, {{"a", "b"}});
    return store->put_layer(key, layer).has_value();
  });
  char byte;
  REQUIRE(::read(ready[0], &byte, 1) == 1);
  int waited = 0;
  const auto other = REQUIRE_OK(place.store.lock_layer(LayerKey::of("other"), [&] { ++waited; }));
  CHECK(waited == 0);
  const auto lock = REQUIRE_OK(place.store.lock_layer(key, [&] { ++waited; }));
  CHECK(waited == 1);
  CHECK(REQUIRE_OK(place.store.find_layer(key)));
  CHECK(wait_for(builder) == 0);
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("images are named, replaced, listed and forgotten") {
  auto place = TestStore::make();
  const auto one = small_image(place.store, "one"), two = small_image(place.store, "two");
  CHECK_FALSE(REQUIRE_OK(place.store.find_image("b")));
  REQUIRE_OK(place.store.put_image("b", one));
  REQUIRE_OK(place.store.put_image("a", one));
  REQUIRE_OK(place.store.put_image("b", two));
  REQUIRE_OK(place.store.put_image("b", two));
  const auto images = REQUIRE_OK(place.store.images());
  REQUIRE(images.size() == 2);
  CHECK(images[0].first == "a");
  CHECK(images[0].second.digest == one.digest);
  CHECK(images[1].second.digest == two.digest);
  CHECK(REQUIRE_OK(place.store.remove_image("a")));
  CHECK_FALSE(REQUIRE_OK(place.store.remove_image("a")));
  CHECK(REQUIRE_OK(place.store.images()).size() == 1);
  require_valid(place.store.directory());
}

TEST_CASE("what index.json holds beside the image stays as it is") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  REQUIRE_OK(base::write_file_atomic(
      place.path("index.json"),
      R"({"schemaVersion":2,"x-vendor":{"a":1},"manifests":[{"mediaType":"application/x",)"
      R"("digest":"sha256:b79606fb3afea5bd1609ed40b622142f1c98125abcfe89a76a661b0e8e343910",)"
      R"("size":6,"urls":["u"],"platform":{"os":"windows","architecture":"amd64",)"
      R"("os.version":"10.0"}}]})"));
  REQUIRE_OK(place.store.put_image("t", image));
  CHECK(REQUIRE_OK(place.store.remove_image("t")));
  const std::string text = REQUIRE_OK(base::read_file(place.path("index.json")));
  for (const char* kept : {R"("os.version":"10.0")", R"("urls":["u"])", R"("x-vendor":{"a":1})"}) {
    CHECK_THAT(text, Catch::Contains(kept));
  }
  REQUIRE_OK(base::write_file_atomic(place.path("index.json"), "{"));
  const auto put = place.store.put_image("t", image);
  REQUIRE_FALSE(put);
  CHECK_THAT(put.error().summary(), Catch::Contains("index.json"));
}
