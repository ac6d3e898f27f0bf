#include "store/ends.h"

#include "base/json.h"
#include "catch.h"
#include "content/copy.h"
#include "store_fixture.h"

namespace imgforge::store {
namespace {

Result<content::CopyReport> copy(content::Origin& from, const std::string& reference, Store& to,
                                 const content::CopyOptions& options = {.tags = {"copied"}}) {
  StoreEnd shelf(to);
  return content::copy(from, reference, shelf, options, base::silent_progress(), {});
}

bool whole(Store& store) {
  return REQUIRE_OK(store.verify(false, base::silent_progress(), {})).empty();
}

oci::Manifest manifest_of(Store& store, const std::string& name) {
  const auto image = REQUIRE_OK(store.find_image(name));
  REQUIRE(image);
  return REQUIRE_OK(oci::parse_manifest(REQUIRE_OK(store.read_blob(image->digest))));
}

// An archive as older docker wrote it: layers in folders, equal ones as links, manifest.json last.
std::string write_docker_archive(const TestStore& scratch, const std::string& damage = "") {
  const std::string file = scratch.folder / "saved.tar";
  REQUIRE_OK(base::write_file_atomic(scratch.folder / "make.py", R"(
import hashlib, io, json, sys, tarfile
def layer(content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as inner:
        info = tarfile.TarInfo("file"); info.size = len(content); inner.addfile(info, io.BytesIO(content))
    return out.getvalue()
one, two = layer(b"one"), layer(b"two")
ids = ["sha256:" + hashlib.sha256(data).hexdigest() for data in (one, two, one)]
if sys.argv[2] == "diffid": ids[1] = ids[0]
if sys.argv[2] == "count": ids.append(ids[0])
config = json.dumps({"os": "linux", "architecture": "amd64", "config": {}, "rootfs": {"type": "layers", "diff_ids": ids}})
name = hashlib.sha256(config.encode()).hexdigest() + ".json"
with tarfile.open(sys.argv[1], "w") as out:
    def add(path, data):
        info = tarfile.TarInfo(path); info.size = len(data); out.addfile(info, io.BytesIO(data))
    add("aaa/layer.tar", one)
    if sys.argv[2] != "missing": add("bbb/layer.tar", two)
    link = tarfile.TarInfo("ccc/layer.tar"); link.type = tarfile.SYMTYPE; link.linkname = "../aaa/layer.tar"
    if sys.argv[2] == "loop": link.linkname = "../ccc/layer.tar"
    out.addfile(link)
    add(name, config.encode())
    add("manifest.json", json.dumps([{"Config": name, "RepoTags": ["tool:1", "tool:2"],
        "Layers": ["aaa/layer.tar", "bbb/layer.tar", "ccc/layer.tar"]}]).encode())
)"));
  REQUIRE_OK(base::run_checked(
      {.argv = {"python3", scratch.folder / "make.py", file, damage.empty() ? "no" : damage}}));
  return file;
}

Result<std::unique_ptr<content::Origin>> open_docker(Store& store, const std::string& file) {
  return open_archive(store, {.format = oci::ArchiveReference::Format::docker, .file = file},
                      base::silent_progress(), {});
}

}  // namespace

TEST_CASE("a layout that somebody else owns is read, and nothing is written into it") {
  auto from = TestStore::make(), to = TestStore::make();
  const auto image = small_image(from.store);
  const std::string layout = from.folder / "layout";
  REQUIRE_OK(export_layout(from.store, image, layout, "v1", base::silent_progress(), {}));
  const auto before = REQUIRE_OK(base::list_directory(layout));
  LayoutOrigin origin(layout);
  const auto report = REQUIRE_OK(copy(origin, "v1", to.store));
  CHECK(report.image.digest == image.digest);
  CHECK(report.moved.sent.blobs == 3);
  CHECK(whole(to.store));
  CHECK(REQUIRE_OK(copy(origin, "", to.store)).document_there);  // the only one
  CHECK(REQUIRE_OK(copy(origin, image.digest.to_string(), to.store)).document_there);
  CHECK(REQUIRE_OK(base::list_directory(layout)) == before);

  const auto absent = copy(origin, "v2", to.store);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
  CHECK(absent.error().hint() == "there are v1");
  LayoutOrigin nowhere(from.folder / "nowhere");
  CHECK(copy(nowhere, "v1", to.store).error().code() == Errc::not_found);
}

TEST_CASE("damage at the origin is found on the way, and nothing of it is kept") {
  auto from = TestStore::make(), to = TestStore::make();
  const auto image = small_image(from.store);
  const auto manifest =
      REQUIRE_OK(oci::parse_manifest(REQUIRE_OK(from.store.read_blob(image.digest))));
  StoreEnd shelf(from.store);
  SECTION("in a layer") { damage(from.store.blob_path(manifest.layers[0].digest)); }
  SECTION("in the manifest") { damage(from.store.blob_path(image.digest)); }
  SECTION("cut short") {
    REQUIRE_OK(base::remove_all(from.store.blob_path(manifest.layers[0].digest)));
    REQUIRE_OK(base::write_file_atomic(from.store.blob_path(manifest.layers[0].digest), "x"));
  }
  const auto copied = copy(shelf, image.digest.to_string(), to.store);
  REQUIRE_FALSE(copied);
  CHECK(copied.error().code() == Errc::mismatch);
  CHECK(copied.error().hint().find("cache verify") != std::string::npos);
  CHECK_FALSE(to.store.has_blob(image.digest));
  CHECK(whole(to.store));
}

TEST_CASE("an image that a store has by half is completed") {
  auto from = TestStore::make(), to = TestStore::make();
  const auto image = small_image(from.store);
  StoreEnd shelf(from.store);
  REQUIRE_OK(copy(shelf, image.digest.to_string(), to.store));
  const auto manifest = manifest_of(to.store, "copied");
  REQUIRE_OK(base::remove_all(to.store.blob_path(manifest.layers[1].digest)));
  const auto again = REQUIRE_OK(copy(shelf, image.digest.to_string(), to.store));
  CHECK(again.moved.sent.blobs == 1);
  CHECK(again.moved.there.blobs == 2);
  CHECK(whole(to.store));
}

TEST_CASE("what refers to an image stays with it in the store, also when it is pruned") {
  auto test = TestStore::make();
  const auto image = small_image(test.store);
  REQUIRE_OK(test.store.put_image("v1", image));
  const auto empty = REQUIRE_OK(test.store.put_document("{}", "application/vnd.oci.empty.v1+json"));
  const std::string bytes = oci::to_json(
      oci::Manifest{.artifact_type = "application/x", .config = empty, .subject = image});
  StoreEnd shelf(test.store);
  CHECK(REQUIRE_OK(shelf.referrers(image.digest, {})).empty());
  const content::Document referrer{{.media_type = oci::media_type::kManifest,
                                    .digest = oci::Digest::of(bytes),
                                    .size = bytes.size()},
                                   bytes};
  REQUIRE_OK(shelf.put_document(referrer, {}));
  REQUIRE_OK(test.store.prune({}));
  const auto found = REQUIRE_OK(shelf.referrers(image.digest, {}));
  REQUIRE(found.size() == 1);
  CHECK(found[0].digest == referrer.descriptor.digest);
  CHECK(found[0].artifact_type == "application/x");
}

TEST_CASE("an oci-archive is an origin, with all that it holds") {
  auto from = TestStore::make(), to = TestStore::make();
  const auto image = small_image(from.store);
  const std::string file = from.folder / "image.tar";
  REQUIRE_OK(export_oci_archive(from.store, image, file, "v1", base::silent_progress(), {}));
  const auto origin = REQUIRE_OK(
      open_archive(to.store, {.format = oci::ArchiveReference::Format::oci, .file = file},
                   base::silent_progress(), {}));
  CHECK(REQUIRE_OK(copy(*origin, "v1", to.store)).image.digest == image.digest);
  CHECK(REQUIRE_OK(copy(*origin, "", to.store)).image.digest == image.digest);
  CHECK(copy(*origin, "v2", to.store).error().code() == Errc::not_found);
  CHECK(whole(to.store));
}

TEST_CASE("what docker saved is an image with the same layers and the same id") {
  auto test = TestStore::make();
  const auto origin = REQUIRE_OK(open_docker(test.store, write_docker_archive(test)));
  REQUIRE_OK(copy(*origin, "tool:2", test.store));
  const auto manifest = manifest_of(test.store, "copied");
  REQUIRE(manifest.layers.size() == 3);
  CHECK(manifest.layers[0] == manifest.layers[2]);
  CHECK(manifest.layers[0].media_type == oci::media_type::kLayer);
  const auto config = REQUIRE_OK(
      oci::parse_image_config(REQUIRE_OK(test.store.read_blob(manifest.config->digest))));
  for (std::size_t i = 0; i < 3; ++i) CHECK(manifest.layers[i].digest == config.diff_ids[i]);
  CHECK(whole(test.store));
  CHECK(copy(*origin, "tool:3", test.store).error().hint() == "there are tool:1, tool:2");
}

TEST_CASE("our own docker-archive comes back, and skopeo's") {
  auto from = TestStore::make(), to = TestStore::make();
  const auto image = small_image(from.store);
  const std::string file = from.folder / "saved.tar";
  SECTION("ours") {
    REQUIRE_OK(
        export_docker_archive(from.store, image, file, {"tool:1"}, base::silent_progress(), {}));
  }
  SECTION("skopeo's") {
    if (!base::find_program("skopeo")) SKIP_TEST("skopeo is not installed");
    REQUIRE_OK(from.store.put_image("v1", image));
    REQUIRE_OK(base::write_file_atomic(from.folder / "policy.json",
                                       R"({"default":[{"type":"insecureAcceptAnything"}]})"));
    REQUIRE_OK(base::run_checked(
        {.argv = {"skopeo", "--policy", from.folder / "policy.json", "copy",
                  "oci:" + from.store.directory() + ":v1", "docker-archive:" + file + ":tool:1"}}));
  }
  const auto origin = REQUIRE_OK(open_docker(to.store, file));
  REQUIRE_OK(copy(*origin, "", to.store));
  const auto manifest = manifest_of(to.store, "copied");
  const auto original =
      REQUIRE_OK(oci::parse_manifest(REQUIRE_OK(from.store.read_blob(image.digest))));
  const auto config = REQUIRE_OK(
      oci::parse_image_config(REQUIRE_OK(from.store.read_blob(original.config->digest))));
  REQUIRE(manifest.layers.size() == config.diff_ids.size());
  for (std::size_t i = 0; i < config.diff_ids.size(); ++i) {
    CHECK(manifest.layers[i].digest == config.diff_ids[i]);
  }
  CHECK(whole(to.store));
}

TEST_CASE("archives that lie about themselves are refused") {
  for (const auto& [damage, code] : {std::pair("diffid", Errc::mismatch),
                                     {"count", Errc::invalid},
                                     {"missing", Errc::invalid},
                                     {"loop", Errc::invalid}}) {
    DYNAMIC_SECTION(damage) {
      auto test = TestStore::make();
      const auto origin = open_docker(test.store, write_docker_archive(test, damage));
      REQUIRE_FALSE(origin);
      CHECK(origin.error().code() == code);
      CHECK(origin.error().summary().find("saved.tar") != std::string::npos);
    }
  }
  auto test = TestStore::make();
  REQUIRE_OK(base::write_file_atomic(test.folder / "x.tar", "no tar at all"));
  CHECK(open_docker(test.store, test.folder / "x.tar").error().code() == Errc::invalid);
  CHECK(open_docker(test.store, test.folder / "absent.tar").error().code() == Errc::not_found);
}

}  // namespace imgforge::store
