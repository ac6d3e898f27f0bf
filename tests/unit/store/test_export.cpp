#include <sys/stat.h>
#include <unistd.h>

#include <chrono>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

Result<> to_layout(const Store& store, const oci::Descriptor& image, const std::string& directory,
                   const std::string& name, std::stop_token stop = {}) {
  return export_layout(store, image, directory, name, base::silent_progress(), stop);
}

std::vector<oci::Descriptor> entries(const std::string& layout) {
  return REQUIRE_OK(oci::parse_index(REQUIRE_OK(base::read_file(layout + "/index.json"))))
      .manifests;
}

}  // namespace

TEST_CASE("an image becomes a layout, with blobs that are the store's own files") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string layout = place.folder / "a/b/layout";
  REQUIRE_OK(to_layout(place.store, image, layout, "v1"));
  require_valid(layout);
  CHECK(REQUIRE_OK(base::list_directory(layout)) ==
        std::vector<std::string>{"blobs", "index.json", "oci-layout"});
  struct stat in_store {
  }, in_layout{};
  REQUIRE(::stat(place.store.blob_path(image.digest).c_str(), &in_store) == 0);
  REQUIRE(::stat((layout + "/blobs/sha256/" + image.digest.hex()).c_str(), &in_layout) == 0);
  CHECK(in_store.st_ino == in_layout.st_ino);
}

TEST_CASE("a layout on another file system gets copies") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const auto other = base::TempDir::create("/dev/shm", "imgforge-store");
  struct stat here {
  }, there{};
  if (!other || ::stat(place.store.directory().c_str(), &here) != 0 ||
      ::stat(other->path().c_str(), &there) != 0 || here.st_dev == there.st_dev) {
    SKIP_TEST("there is no second file system at /dev/shm");
  }
  REQUIRE_OK(to_layout(place.store, image, *other / "layout", "v1"));
  require_valid(*other / "layout");
}

TEST_CASE("a layout gains images and keeps its others") {
  auto place = TestStore::make();
  const auto one = small_image(place.store, "1"), two = small_image(place.store, "2"),
             three = small_image(place.store, "3");
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(to_layout(place.store, two, layout, "b"));
  REQUIRE_OK(to_layout(place.store, one, layout, "a"));
  REQUIRE_OK(to_layout(place.store, one, layout, "b"));
  REQUIRE_OK(to_layout(place.store, two, layout, ""));
  REQUIRE_OK(to_layout(place.store, three, layout, ""));
  REQUIRE_OK(to_layout(place.store, three, layout, ""));
  const auto there = entries(layout);
  REQUIRE(there.size() == 4);
  CHECK(there[2].annotations.at("org.opencontainers.image.ref.name") == "a");
  CHECK(there[2].digest == one.digest);
  CHECK(there[3].digest == one.digest);
  require_valid(layout);

  // The order in which images came does not show.
  const std::string other = place.folder / "other";
  for (const auto& [image, name] : std::vector<std::pair<oci::Descriptor, std::string>>{
           {three, ""}, {one, "b"}, {two, ""}, {one, "a"}}) {
    REQUIRE_OK(to_layout(place.store, image, other, name));
  }
  CHECK(REQUIRE_OK(base::read_file(layout + "/index.json")) ==
        REQUIRE_OK(base::read_file(other + "/index.json")));
}

TEST_CASE("a blob of the layout that was cut or lost is put there again") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  const std::string blob = layout + "/blobs/sha256/" + image.digest.hex();
  REQUIRE_OK(base::remove_all(blob));
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  REQUIRE_OK(base::write_file_atomic(blob, "cut"));
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  REQUIRE_OK(base::remove_all(blob));
  REQUIRE(::symlink("/nowhere", blob.c_str()) == 0);
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  require_valid(layout);
}

TEST_CASE("an image that is not whole is not exported, and nothing is begun") {
  auto place = TestStore::make();
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", "b"}});
  const auto image = put_image_of(place.store, {layer});
  Errc expected = Errc::not_found;
  SECTION("a layer is missing") {
    REQUIRE_OK(base::remove_all(place.store.blob_path(layer.blob.digest)));
  }
  SECTION("a layer was cut") {
    expected = Errc::mismatch;
    REQUIRE_OK(base::write_file_atomic(place.store.blob_path(layer.blob.digest), "cut"));
  }
  SECTION("the manifest is damaged") {
    expected = Errc::mismatch;
    damage(place.store.blob_path(image.digest));
  }
  const auto check = [&](const Result<>& exported) {
    REQUIRE_FALSE(exported);
    CHECK(exported.error().code() == expected);
    CHECK_FALSE(exported.error().hint().empty());
  };
  check(to_layout(place.store, image, place.folder / "out", "t"));
  check(export_oci_archive(place.store, image, place.folder / "out", "t", base::silent_progress(),
                           {}));
  check(export_docker_archive(place.store, image, place.folder / "out", {"a:b"},
                              base::silent_progress(), {}));
  CHECK_FALSE(base::exists(place.folder / "out"));
}

TEST_CASE("a folder with something else in it is refused") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  REQUIRE_OK(base::make_directories(place.folder / "home"));
  REQUIRE_OK(base::write_file_atomic(place.folder / "home/letter", "x"));
  const auto refused = to_layout(place.store, image, place.folder / "home", "t");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::invalid);
  CHECK(REQUIRE_OK(base::list_directory(place.folder / "home")).size() == 1);
}

TEST_CASE("an interrupted export does not name the image") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  std::stop_source stopped;
  stopped.request_stop();
  const std::string layout = place.folder / "layout";
  CHECK(to_layout(place.store, image, layout, "t", stopped.get_token()).error().code() ==
        Errc::cancelled);
  CHECK_FALSE(base::exists(layout + "/index.json"));
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  require_valid(layout);
}

TEST_CASE("processes export into one layout at once") {
  auto place = TestStore::make();
  std::vector<oci::Descriptor> images;
  for (int i = 0; i < 4; ++i) images.push_back(small_image(place.store, std::to_string(i)));
  const std::string layout = place.folder / "layout";
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < images.size(); ++i) {
    children.push_back(fork_child([&, i] {
      for (int round = 0; round < 10; ++round) {
        const auto done = to_layout(place.store, images[i], layout,
                                    "t" + std::to_string(i) + "-" + std::to_string(round));
        if (!done) {
          std::fprintf(stderr, "%s\n", done.error().summary().c_str());
          return false;
        }
      }
      return true;
    }));
  }
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  CHECK(entries(layout).size() == 40);
  require_valid(layout);
}

TEST_CASE("a large image that is exported already costs no reading") {
  auto place = TestStore::make();
  std::vector<BuiltLayer> layers;
  for (int i = 0; i < 100; ++i) {
    layers.push_back(put_layer_blob(place.store, {{"f" + std::to_string(i), noise(2000, i)}}));
  }
  const auto image = put_image_of(place.store, layers);
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(to_layout(place.store, image, layout, "t"));
  // Layers that cannot be read are proof that nobody reads them.
  for (const BuiltLayer& layer : layers) {
    REQUIRE_OK(base::remove_all(layout + "/blobs/sha256/" + layer.blob.digest.hex()));
    REQUIRE_OK(base::write_file_atomic(layout + "/blobs/sha256/" + layer.blob.digest.hex(),
                                       std::string(layer.blob.size, 'x')));
  }
  const auto index_before = REQUIRE_OK(base::read_file(layout + "/index.json"));
  auto best = std::chrono::microseconds::max();
  for (int i = 0; i < 5; ++i) {
    const auto start = std::chrono::steady_clock::now();
    REQUIRE_OK(to_layout(place.store, image, layout, "t"));
    best = std::min(best, std::chrono::duration_cast<std::chrono::microseconds>(
                              std::chrono::steady_clock::now() - start));
  }
  WARN("exporting an exported image of 100 layers: " << best.count() << " us");
  CHECK(REQUIRE_OK(base::read_file(layout + "/index.json")) == index_before);
  for (const BuiltLayer& layer : layers) {
    CHECK(REQUIRE_OK(base::read_file(layout + "/blobs/sha256/" + layer.blob.digest.hex()))[0] ==
          'x');
  }
}
