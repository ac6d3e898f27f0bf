#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

const oci::Platform kAmd64{"linux", "amd64", ""};

Result<oci::Descriptor> from_layout(Store& store, const std::string& directory,
                                    const std::string& name, oci::Platform platform = kAmd64) {
  return import_layout(store, directory, name, platform, base::silent_progress(), {});
}
Result<oci::Descriptor> from_archive(Store& store, const std::string& file, const std::string& name,
                                     oci::Platform platform = kAmd64) {
  return import_oci_archive(store, file, name, platform, base::silent_progress(), {});
}

}  // namespace

TEST_CASE("an image comes back from a layout and from an archive as it was") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  REQUIRE_OK(
      export_layout(place.store, image, place.folder / "layout", "t", base::silent_progress(), {}));
  REQUIRE_OK(export_oci_archive(place.store, image, place.folder / "image.tar", "t",
                                base::silent_progress(), {}));
  for (const std::string& name : {std::string("t"), std::string()}) {
    auto other = TestStore::make();
    const bool archive = name.empty();
    const auto imported =
        REQUIRE_OK(archive ? from_archive(other.store, place.folder / "image.tar", name)
                           : from_layout(other.store, place.folder / "layout", name));
    CHECK(imported == image);  // without the name that it had elsewhere
    REQUIRE_OK(other.store.put_image("mine", imported));
    require_valid(other.store.directory());
    CHECK(REQUIRE_OK(other.store.usage()).blobs == REQUIRE_OK(place.store.usage()).blobs);
    CHECK(REQUIRE_OK(other.store.usage()).temporary_bytes == 0);
    REQUIRE_OK(from_archive(other.store, place.folder / "image.tar", "t"));  // again
  }
}

TEST_CASE("an image is chosen by name and platform") {
  auto place = TestStore::make();
  const auto one = small_image(place.store, "1");
  const auto two = put_image_of(place.store, {put_layer_blob(place.store, {{"a", "2"}})}, "two",
                                {"linux", "arm64", "v8"});
  oci::Index index;
  index.manifests = {one, two};
  index.manifests[0].platform = kAmd64;
  index.manifests[1].platform = oci::Platform{"linux", "arm64", "v8"};
  const auto multi =
      REQUIRE_OK(place.store.put_document(oci::to_json(index), oci::media_type::kIndex));
  const std::string layout = place.folder / "layout", file = place.folder / "image.tar";
  REQUIRE_OK(export_layout(place.store, multi, layout, "multi", base::silent_progress(), {}));
  REQUIRE_OK(export_layout(place.store, two, layout, "two", base::silent_progress(), {}));
  require_valid(layout);
  REQUIRE_OK(export_oci_archive(place.store, multi, file, "multi", base::silent_progress(), {}));
  require_valid(file);

  auto other = TestStore::make();
  CHECK(REQUIRE_OK(from_layout(other.store, layout, "two")).digest == two.digest);
  CHECK(REQUIRE_OK(from_layout(other.store, layout, "multi")).digest == one.digest);
  for (const char* platform : {"linux/arm64", "linux/arm64/v8"}) {
    CHECK(REQUIRE_OK(from_archive(other.store, file, "multi",
                                  REQUIRE_OK(oci::Platform::parse(platform)))) == two);
  }
  const auto absent = from_archive(other.store, file, "", oci::Platform{"linux", "s390x", ""});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
  CHECK(absent.error().hint() == "it has linux/amd64, linux/arm64/v8");

  const auto several = from_layout(other.store, layout, "");
  REQUIRE_FALSE(several);
  CHECK(several.error().code() == Errc::usage);
  CHECK_THAT(several.error().hint(), Catch::Contains("multi, two"));
  const auto unknown = from_layout(other.store, layout, "three");
  REQUIRE_FALSE(unknown);
  CHECK(unknown.error().code() == Errc::not_found);
  CHECK_THAT(unknown.error().hint(), Catch::Contains("multi, two"));
}

TEST_CASE("what does not match its digest is not taken") {
  auto place = TestStore::make();
  const BuiltLayer layer = put_layer_blob(place.store, {{"a", noise(5000)}});
  const auto image = put_image_of(place.store, {layer});
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(export_layout(place.store, image, layout, "t", base::silent_progress(), {}));
  const std::string blob = layout + "/blobs/sha256/" + layer.blob.digest.hex();
  auto other = TestStore::make();
  const auto refused = [&](Errc code) {
    const auto imported = from_layout(other.store, layout, "t");
    REQUIRE_FALSE(imported);
    CHECK(imported.error().code() == code);
    CHECK_FALSE(other.store.has_blob(layer.blob.digest));
    REQUIRE_OK(base::run_checked({.argv = {"tar", "-C", layout, "-cf", place.folder / "x.tar",
                                           "oci-layout", "index.json", "blobs"}}));
    auto third = TestStore::make();
    const auto archived = from_archive(third.store, place.folder / "x.tar", "t");
    REQUIRE_FALSE(archived);
    CHECK((archived.error().code() == code || archived.error().code() == Errc::invalid));
    CHECK_FALSE(third.store.has_blob(layer.blob.digest));
    CHECK(REQUIRE_OK(third.store.usage()).temporary_bytes == 0);
  };
  SECTION("a flipped bit") {
    damage(blob);
    refused(Errc::mismatch);
  }
  SECTION("too long") {
    std::string content = REQUIRE_OK(base::read_file(blob));
    REQUIRE_OK(base::write_file_atomic(blob, content + "x"));
    refused(Errc::mismatch);
  }
  SECTION("missing") {
    REQUIRE_OK(base::remove_all(blob));
    refused(Errc::not_found);
  }
}

TEST_CASE("archives of others are read, also compressed and with ./ in front") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string layout = place.folder / "layout";
  REQUIRE_OK(export_layout(place.store, image, layout, "t", base::silent_progress(), {}));
  REQUIRE_OK(
      base::run_checked({.argv = {"tar", "-C", layout, "-czf", place.folder / "x.tar.gz", "."}}));
  auto other = TestStore::make();
  CHECK(REQUIRE_OK(from_archive(other.store, place.folder / "x.tar.gz", "t")) == image);
}

TEST_CASE("what is no layout and no archive is refused with what it should be") {
  auto place = TestStore::make();
  REQUIRE_OK(base::write_file_atomic(place.folder / "text", "not a tar\n"));
  REQUIRE_OK(base::write_file_atomic(place.folder / "other.tar", make_tar({{"a", "b"}})));
  REQUIRE_OK(base::write_file_atomic(place.folder / "cut.tar",
                                     make_tar({{"blobs/sha256/x", noise(5000)}}).substr(0, 3000)));
  CHECK(from_archive(place.store, place.folder / "missing", "").error().code() == Errc::not_found);
  CHECK(from_archive(place.store, place.folder / "text", "").error().code() == Errc::invalid);
  CHECK(from_archive(place.store, place.folder / "cut.tar", "").error().code() == Errc::invalid);
  const auto other = from_archive(place.store, place.folder / "other.tar", "");
  REQUIRE_FALSE(other);
  CHECK(other.error().code() == Errc::not_found);
  CHECK_FALSE(other.error().hint().empty());
  const auto folder = from_layout(place.store, place.folder.path(), "");
  REQUIRE_FALSE(folder);
  CHECK(folder.error().code() == Errc::not_found);
  CHECK_FALSE(folder.error().hint().empty());
}

TEST_CASE("an archive cannot name files outside") {
  auto place = TestStore::make();
  REQUIRE_OK(base::write_file_atomic(
      place.folder / "x.tar", make_tar({{"blobs/sha256/../../evil", "1"},
                                        {"../evil", "2"},
                                        {"/tmp/evil", "3"},
                                        {"index.json", R"({"schemaVersion":2,"manifests":[]})"}})));
  const auto imported = from_archive(place.store, place.folder / "x.tar", "");
  REQUIRE_FALSE(imported);
  CHECK_THAT(imported.error().summary(), Catch::Contains("holds no image"));
  CHECK(REQUIRE_OK(place.store.usage()).blobs == 0);
  CHECK_FALSE(base::exists(place.path("evil")));
  CHECK_FALSE(base::exists(place.folder / "evil"));
}
