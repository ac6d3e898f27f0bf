#include "oci/graph.h"
#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

bool has(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

void make_tree(const TestStore& place, const oci::Digest& diff_id) {
  REQUIRE_OK(base::make_directories(place.store.tree_path(diff_id) + "/etc"));
  REQUIRE_OK(base::write_file_atomic(place.store.tree_path(diff_id) + "/etc/file", "12345"));
}

}  // namespace

TEST_CASE("prune keeps what images need and removes everything else") {
  auto place = TestStore::make();
  Store& store = place.store;
  const BuiltLayer kept = put_layer_blob(store, {{"kept", "1"}});
  const BuiltLayer other = put_layer_blob(store, {{"other", "2"}});
  const LayerKey kept_key = LayerKey::of("kept"), other_key = LayerKey::of("other");
  REQUIRE_OK(store.put_layer(kept_key, kept));
  REQUIRE_OK(store.put_layer(other_key, other));
  make_tree(place, kept.diff_id);
  make_tree(place, other.diff_id);
  REQUIRE_OK(store.put_image("t", put_image_of(store, {kept})));
  const auto forgotten = put_image_of(store, {kept, other}, "forgotten");
  REQUIRE_OK(store.put_image("old", forgotten));
  REQUIRE_OK(store.remove_image("old"));
  // What interrupted writes leave.
  REQUIRE_OK(base::write_file_atomic(place.path("tmp/ingest-abc"), "123"));
  REQUIRE_OK(base::make_directories(place.path("tmp/step-x/upper")));
  REQUIRE_OK(base::write_file_atomic(place.path("index.json.tmp-abcdef"), "{"));
  const std::string half = "layers/" + kept_key.to_string() + ".json.tmp-abcdef";
  REQUIRE_OK(base::write_file_atomic(place.path(half), "{"));
  { const auto lock = REQUIRE_OK(store.lock_layer(kept_key)); }

  const auto before = REQUIRE_OK(base::list_directory(place.store.directory()));
  const auto planned = REQUIRE_OK(store.prune({.dry_run = true}));
  CHECK(REQUIRE_OK(base::list_directory(place.store.directory())) == before);
  CHECK(store.has_blob(other.blob.digest));
  CHECK(base::exists(place.path(half)));

  const auto report = REQUIRE_OK(store.prune({}));
  CHECK(report.removed == planned.removed);
  CHECK(report.files == planned.files);
  CHECK(report.bytes == planned.bytes);
  CHECK(std::is_sorted(report.removed.begin(), report.removed.end()));
  for (const std::string& gone :
       {"blobs/sha256/" + other.blob.digest.hex(), "blobs/sha256/" + forgotten.digest.hex(),
        "layers/" + other_key.to_string() + ".json", "trees/" + other.diff_id.hex(),
        std::string("tmp/ingest-abc"), std::string("tmp/step-x"),
        std::string("index.json.tmp-abcdef"), half, "locks/layer-" + kept_key.to_string()}) {
    INFO(gone);
    CHECK(has(report.removed, gone));
    CHECK_FALSE(base::exists(place.path(gone)));
  }
  CHECK(REQUIRE_OK(store.find_layer(kept_key)) == kept);
  CHECK(base::exists(store.tree_path(kept.diff_id) + "/etc/file"));
  require_valid(store.directory());
  CHECK(REQUIRE_OK(store.prune({})).removed.empty());
}

TEST_CASE("prune follows indexes, Docker's documents and artifacts, and misses no child") {
  auto place = TestStore::make();
  Store& store = place.store;
  const BuiltLayer layer = put_layer_blob(store, {{"a", "1"}});
  const auto amd64 = put_image_of(store, {layer}, "amd64");
  oci::Manifest docker;
  docker.media_type = oci::media_type::kDockerManifest;
  docker.config = {
      .media_type = oci::media_type::kDockerConfig, .digest = put_blob(store, "config"), .size = 6};
  const auto docker_image = REQUIRE_OK(store.put_document(oci::to_json(docker), docker.media_type));
  oci::Index inner;
  inner.manifests = {docker_image};
  const auto nested = REQUIRE_OK(store.put_document(oci::to_json(inner), oci::media_type::kIndex));
  oci::Index outer;
  // One platform was never fetched: that is no damage.
  outer.manifests = {
      amd64, nested, {oci::media_type::kManifest, oci::Digest::of("absent"), 1, {}, {}, {}}};
  const auto root = REQUIRE_OK(store.put_document(oci::to_json(outer), oci::media_type::kIndex));
  REQUIRE_OK(store.put_image("multi", root));
  const auto unknown = REQUIRE_OK(store.put_document("{}", "application/x-unknown"));
  REQUIRE_OK(store.put_image("unknown", unknown));
  CHECK(REQUIRE_OK(store.prune({})).removed.empty());
  CHECK(store.has_blob(layer.blob.digest));
  CHECK(store.has_blob(oci::Digest::of("config")));
}

TEST_CASE("prune removes nothing when it cannot know what an image needs") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  REQUIRE_OK(place.store.put_image("app:v1", image));
  const auto garbage = put_blob(place.store, "garbage");
  SECTION("damaged") { damage(place.store.blob_path(image.digest)); }
  SECTION("missing") { REQUIRE_OK(base::remove_all(place.store.blob_path(image.digest))); }
  const auto pruned = place.store.prune({});
  REQUIRE_FALSE(pruned);
  CHECK(pruned.error().code() == Errc::mismatch);
  CHECK_THAT(pruned.error().summary(), Catch::Contains("app:v1"));
  CHECK_THAT(pruned.error().hint(), Catch::Contains("--image app:v1"));
  CHECK(place.store.has_blob(garbage));
  CHECK(REQUIRE_OK(place.store.remove_image("app:v1")));
  CHECK(REQUIRE_OK(place.store.prune({})).removed.size() >= 3);
}

TEST_CASE("inputs stay unless asked, and then those that a lock names") {
  auto place = TestStore::make();
  const auto put = [&](const std::string& content) {
    Ingest input = REQUIRE_OK(place.store.new_input());
    REQUIRE_OK(input.write(base::as_bytes(content)));
    return REQUIRE_OK(input.commit());
  };
  const auto locked = put("locked"), unused = put("unused");
  REQUIRE_OK(place.store.prune({}));
  CHECK(place.store.has_input(unused));
  REQUIRE_OK(place.store.prune({.inputs = true, .keep_inputs = {locked}}));
  CHECK(place.store.has_input(locked));
  CHECK_FALSE(place.store.has_input(unused));
}

TEST_CASE("prune refuses while a build runs, and a build waits for no other build") {
  auto place = TestStore::make();
  {
    const auto first = REQUIRE_OK(place.store.hold());
    const auto second = REQUIRE_OK(place.store.hold());
    const auto refused = place.store.prune({});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::refused);
    CHECK_FALSE(refused.error().hint().empty());
  }
  CHECK(place.store.prune({}));
}

TEST_CASE("folders below trees and tmp go through the given function, files do not") {
  auto place = TestStore::make();
  make_tree(place, oci::Digest::of("tree"));
  REQUIRE_OK(base::make_directories(place.path("tmp/step-x/upper")));
  REQUIRE_OK(base::write_file_atomic(place.path("tmp/ingest-abc"), "123"));
  const auto blob = put_blob(place.store, "garbage");
  std::vector<std::string> asked;
  const auto remove_tree = [&](const std::string& path) {
    asked.push_back(path);
    return base::remove_all(path);
  };
  REQUIRE_OK(place.store.prune({.dry_run = true, .remove_tree = remove_tree}));
  CHECK(asked.empty());
  REQUIRE_OK(place.store.prune({.remove_tree = remove_tree}));
  CHECK(asked == std::vector<std::string>{place.store.tree_path(oci::Digest::of("tree")),
                                          place.path("tmp/step-x")});
  CHECK_FALSE(place.store.has_blob(blob));
  CHECK_FALSE(base::exists(place.path("tmp/ingest-abc")));

  make_tree(place, oci::Digest::of("tree"));
  const auto failing = [](const std::string&) -> Result<> {
    return fail(Errc::io, "no newuidmap");
  };
  CHECK(place.store.prune({.remove_tree = failing}).error().message() == "no newuidmap");
}

TEST_CASE("usage counts what is there") {
  auto place = TestStore::make();
  put_blob(place.store, std::string(1000, 'x'));
  make_tree(place, oci::Digest::of("tree"));
  REQUIRE_OK(base::write_file_atomic(place.path("tmp/x"), "123"));
  const Usage usage = REQUIRE_OK(place.store.usage());
  CHECK(usage.blobs == 1);
  CHECK(usage.blob_bytes == 1000);
  CHECK(usage.inputs == 0);
  CHECK(usage.trees == 1);
  CHECK(usage.tree_bytes == 5);
  CHECK(usage.temporary_bytes == 3);
}
