#include <sys/stat.h>
#include <unistd.h>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

TEST_CASE("a new store is an OCI layout, and opens again") {
  auto place = TestStore::make();
  for (const char* folder : {"blobs/sha256", "inputs/sha256", "layers", "trees", "locks", "tmp"}) {
    CHECK(base::is_directory(place.path(folder)));
  }
  CHECK(REQUIRE_OK(base::read_file(place.path("oci-layout"))) ==
        R"({"imageLayoutVersion":"1.0.0"})");
  const auto image = small_image(place.store);
  REQUIRE_OK(place.store.put_image("app:v1", image));
  const Store again = REQUIRE_OK(Store::open(place.store.directory()));
  CHECK(REQUIRE_OK(again.find_image("app:v1"))->digest == image.digest);
  require_valid(place.store.directory());
}

TEST_CASE("a folder that is something else is refused and not touched") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  REQUIRE_OK(base::write_file_atomic(folder / "thesis.tex", "x"));
  const auto opened = Store::open(folder.path());
  REQUIRE_FALSE(opened);
  CHECK(opened.error().code() == Errc::invalid);
  CHECK_THAT(opened.error().summary(), Catch::Contains("thesis.tex"));
  CHECK_FALSE(opened.error().hint().empty());
  CHECK(REQUIRE_OK(base::list_directory(folder.path())) == std::vector<std::string>{"thesis.tex"});

  REQUIRE_OK(base::write_file_atomic(folder / "file", "x"));
  CHECK_FALSE(Store::open(folder / "file"));
}

TEST_CASE("a store of a newer format is refused, a damaged format file too") {
  auto place = TestStore::make();
  REQUIRE_OK(base::write_file_atomic(place.path("imgforge-store.json"), R"({"format": 2})"));
  const auto newer = Store::open(place.store.directory());
  REQUIRE_FALSE(newer);
  CHECK(newer.error().code() == Errc::unsupported);
  CHECK_THAT(newer.error().summary(), Catch::Contains("format 2"));
  REQUIRE_OK(base::write_file_atomic(place.path("imgforge-store.json"), "{"));
  CHECK(Store::open(place.store.directory()).error().code() == Errc::invalid);
}

TEST_CASE("a creation that was interrupted anywhere is finished by the next") {
  for (const char* left : {"blobs/sha256", "tmp", "layers"}) {
    const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
    REQUIRE_OK(base::make_directories(folder / left));
    REQUIRE_OK(base::write_file_atomic(folder / "oci-layout.tmp-abc", ""));
    const Store store = REQUIRE_OK(Store::open(folder.path()));
    CHECK(REQUIRE_OK(store.images()).empty());
  }
}

TEST_CASE("folders that somebody removed by hand come back") {
  auto place = TestStore::make();
  REQUIRE_OK(base::remove_all(place.path("tmp")));
  REQUIRE_OK(base::remove_all(place.path("inputs")));
  Store again = REQUIRE_OK(Store::open(place.store.directory()));
  put_blob(again, "x");
  CHECK(REQUIRE_OK(again.usage()).blobs == 1);
}

TEST_CASE("an OCI layout becomes a store and keeps its images") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(
      export_layout(place.store, image, layout, "t", base::silent_progress(), std::stop_token{}));
  Store adopted = REQUIRE_OK(Store::open(layout));
  REQUIRE_OK(adopted.prune({}));
  require_valid(layout);
  CHECK(REQUIRE_OK(adopted.find_image("t"))->digest == image.digest);
}

TEST_CASE("a store that cannot be written is said so at once") {
  if (::geteuid() == 0) SKIP_TEST("root may write everywhere");
  auto place = TestStore::make();
  REQUIRE(::chmod(place.path("tmp").c_str(), 0500) == 0);
  const auto opened = Store::open(place.store.directory());
  REQUIRE_FALSE(opened);
  CHECK_THAT(opened.error().summary(), Catch::Contains(place.store.directory()));
}

TEST_CASE("two processes create the same store") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  for (int round = 0; round < 10; ++round) {
    const std::string path = folder / std::to_string(round);
    std::vector<pid_t> children;
    for (int i = 0; i < 4; ++i) {
      children.push_back(fork_child([&] {
        auto store = Store::open(path);
        if (!store) std::fprintf(stderr, "%s\n", store.error().summary().c_str());
        return store && store->put_document("{}", "x").has_value();
      }));
    }
    for (const pid_t child : children) CHECK(wait_for(child) == 0);
    CHECK(REQUIRE_OK(Store::open(path)).has_blob(oci::Digest::of("{}")));
  }
}
