#include <sys/stat.h>

#include <nlohmann/json.hpp>

#include "base/sha256.h"
#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

struct Member {
  std::string name, content;
};

// Names, modes and times as GNU tar sees them.
std::string listing(const std::string& file) {
  const auto result = REQUIRE_OK(base::run_checked(
      {.argv = {"tar", "--utc", "--full-time", "--numeric-owner", "-tvf", file}}));
  return result.out;
}

std::string member(const std::string& file, const std::string& name) {
  return REQUIRE_OK(base::run_checked({.argv = {"tar", "-xOf", file, name}})).out;
}

}  // namespace

TEST_CASE("an oci-archive is whole, sorted and the same every time") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string file = place.folder / "out/image.tar";
  REQUIRE_OK(export_oci_archive(place.store, image, file, "v1", base::silent_progress(), {}));
  require_valid(file);
  require_valid(file + ":v1");
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);

  std::string names, last;
  std::istringstream lines(listing(file));
  for (std::string line; std::getline(lines, line);) {
    CHECK_THAT(line, Catch::Contains(" 0/0 ") && Catch::Contains("1970-01-01 00:00:00"));
    const std::string name = line.substr(line.rfind(' ') + 1);
    CHECK(last < name);
    last = name;
  }
  CHECK(last == "oci-layout");

  // Written over an older file, and from a store whose files came in another order.
  auto other = TestStore::make();
  put_blob(other.store, "something else");
  small_image(other.store);
  REQUIRE_OK(base::write_file_atomic(other.folder / "again.tar", "old"));
  REQUIRE_OK(export_oci_archive(other.store, image, other.folder / "again.tar", "v1",
                                base::silent_progress(), {}));
  CHECK((REQUIRE_OK(base::read_file(file)) ==
         REQUIRE_OK(base::read_file(other.folder / "again.tar"))));
}

TEST_CASE("a docker-archive has docker save's form, uncompressed layers, and is the same always") {
  auto place = TestStore::make();
  const BuiltLayer one = put_layer_blob(place.store, {{"a", "1"}}, Compression::many_members);
  const BuiltLayer two = put_layer_blob(place.store, {{"b", noise(3000)}}, Compression::zstd);
  const BuiltLayer three = put_layer_blob(place.store, {{"c", "3"}}, Compression::plain);
  const auto image = put_image_of(place.store, {one, two, three, one});
  const std::string file = place.folder / "image.tar";
  const auto write = [&](const std::string& path) {
    REQUIRE_OK(export_docker_archive(place.store, image, path, {"repo/app:v1", "app:latest"},
                                     base::silent_progress(), {}));
  };
  write(file);
  write(place.folder / "again.tar");
  CHECK((REQUIRE_OK(base::read_file(file)) ==
         REQUIRE_OK(base::read_file(place.folder / "again.tar"))));

  const auto document = nlohmann::json::parse(member(file, "manifest.json"));
  REQUIRE(document.size() == 1);
  CHECK(document[0]["RepoTags"] == nlohmann::json({"repo/app:v1", "app:latest"}));
  REQUIRE(document[0]["Layers"].size() == 4);
  CHECK(document[0]["Layers"][0] == one.diff_id.hex() + ".tar");
  CHECK(document[0]["Layers"][3] == document[0]["Layers"][0]);
  for (const BuiltLayer* layer : {&one, &two, &three}) {
    CHECK(oci::Digest::of(member(file, layer->diff_id.hex() + ".tar")) == layer->diff_id);
  }
  const std::string config = document[0]["Config"];
  CHECK(base::sha256_hex(member(file, config)) + ".json" == config);
}

TEST_CASE("a layer whose tar is not that of its diffID does not leave as a docker-archive") {
  auto place = TestStore::make();
  BuiltLayer layer = put_layer_blob(place.store, {{"a", "1"}});
  layer.diff_id = oci::Digest::of("another tar");
  const auto image = put_image_of(place.store, {layer});
  const auto exported = export_docker_archive(place.store, image, place.folder / "image.tar",
                                              {"a:b"}, base::silent_progress(), {});
  REQUIRE_FALSE(exported);
  CHECK(exported.error().code() == Errc::mismatch);
  CHECK_THAT(exported.error().summary(), Catch::Contains("diffID"));
  CHECK(REQUIRE_OK(base::list_directory(place.folder.path())) == std::vector<std::string>{"store"});
  // The validator, which is code of its own, says the same.
  REQUIRE_OK(place.store.put_image("t", image));
  CHECK_THAT(findings(place.store.directory()), Catch::Contains("diffID"));
}

TEST_CASE("an archive that was interrupted does not appear") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(export_oci_archive(place.store, image, place.folder / "x.tar", "t", base::silent_progress(),
                           stopped.get_token())
            .error()
            .code() == Errc::cancelled);
  CHECK(REQUIRE_OK(base::list_directory(place.folder.path())) == std::vector<std::string>{"store"});
}

TEST_CASE("the validator finds every sort of damage") {
  auto place = TestStore::make();
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", noise(5000)}});
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(export_layout(place.store, put_image_of(place.store, {layer}), layout, "t",
                           base::silent_progress(), {}));
  require_valid(layout);
  const std::string blob = layout + "/blobs/sha256/" + layer.blob.digest.hex();
  SECTION("a flipped bit") {
    damage(blob);
    CHECK_THAT(findings(layout), Catch::Contains("has digest"));
  }
  SECTION("a missing blob") {
    REQUIRE_OK(base::remove_all(blob));
    CHECK_THAT(findings(layout), Catch::Contains("missing"));
  }
  SECTION("no index") {
    REQUIRE_OK(base::remove_all(layout + "/index.json"));
    CHECK_THAT(findings(layout), Catch::Contains("index.json"));
  }
  SECTION("no such tag") { CHECK_THAT(findings(layout + ":u"), Catch::Contains("no image u")); }
}

TEST_CASE("the validator holds layers to the normal form") {
  auto place = TestStore::make();
  const auto found = [&](const std::string& tar) {
    const std::string blob = compress(tar, Compression::gzip);
    const BuiltLayer layer{.blob = {.media_type = oci::media_type::kLayerGzip,
                                    .digest = put_blob(place.store, blob),
                                    .size = blob.size()},
                           .diff_id = oci::Digest::of(tar),
                           .tar_size = tar.size(),
                           .entries = 1};
    REQUIRE_OK(place.store.put_image("t", put_image_of(place.store, {layer})));
    return findings(place.store.directory());
  };
  const std::string a = make_tar({{"a", "1"}}), b = make_tar({{"b", "2"}});
  const auto body = [](const std::string& tar) { return tar.substr(0, tar.size() - 1024); };
  CHECK(found(body(a) + b).empty());
  CHECK_THAT(found(body(b) + a), Catch::Contains("not sorted"));
  CHECK_THAT(found(body(a) + a), Catch::Contains("twice"));
  CHECK_THAT(found(make_tar({{"../a", "1"}})), Catch::Contains("unsafe path"));
  CHECK_THAT(found(body(a)), Catch::Contains("ends inside"));
  CHECK_THAT(found(a + std::string(512, '\0')), Catch::Contains("after the end"));
  std::string checksum = a;
  checksum[0] = 'z';
  CHECK_THAT(found(checksum), Catch::Contains("checksum"));
}
