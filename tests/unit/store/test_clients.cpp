// Second opinions: the field's own programs on what the store exports.
#include <unistd.h>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

struct Exports {
  TestStore place = TestStore::make();
  oci::Descriptor image = put_image_of(
      place.store,
      {put_layer_blob(place.store, {{"etc/greeting", "hello\n"}}, Compression::many_members),
       put_layer_blob(place.store, {{"app/noise", noise(300000)}}, Compression::zstd),
       put_layer_blob(place.store, {{"app/main.py", "print(1)\n"}})});
  std::string layout = place.folder / "layout";
  std::string oci_archive = place.folder / "oci.tar";
  std::string docker_archive = place.folder / "docker.tar";

  Exports() {
    REQUIRE_OK(export_layout(place.store, image, layout, "v1", base::silent_progress(), {}));
    REQUIRE_OK(
        export_oci_archive(place.store, image, oci_archive, "v1", base::silent_progress(), {}));
    REQUIRE_OK(export_docker_archive(place.store, image, docker_archive, {"localhost/app:v1"},
                                     base::silent_progress(), {}));
    require_valid(layout);
    require_valid(oci_archive);
  }
};

std::string out_of(std::vector<std::string> argv) {
  const auto result = REQUIRE_OK(base::run_command({.argv = std::move(argv)}));
  INFO(result.err);
  REQUIRE(result.status == 0);
  return result.out;
}

}  // namespace

TEST_CASE("skopeo reads and copies the layout and both archives") {
  if (!base::find_program("skopeo")) SKIP_TEST("skopeo is not installed");
  const Exports exports;
  const std::string digest = exports.image.digest.to_string();
  const std::string layout = "oci:" + exports.layout + ":v1";
  CHECK_THAT(out_of({"skopeo", "inspect", layout}), Catch::Contains(digest));
  CHECK_THAT(out_of({"skopeo", "inspect", "oci-archive:" + exports.oci_archive}),
             Catch::Contains(digest));
  CHECK_THAT(out_of({"skopeo", "inspect", "--config", "docker-archive:" + exports.docker_archive}),
             Catch::Contains("diff_ids"));

  // What skopeo copied keeps its digests, and the store takes it back.
  const auto copied = [&](const std::string& source, const std::string& name) {
    const std::string target = exports.place.folder / name;
    out_of({"skopeo", "--insecure-policy", "copy", "-q", source, "oci:" + target + ":v1"});
    CHECK(findings(target) == "");
    auto other = TestStore::make();
    return REQUIRE_OK(import_layout(other.store, target, "v1", {"linux", "amd64", ""},
                                    base::silent_progress(), {}));
  };
  CHECK(copied(layout, "from-layout").digest == exports.image.digest);
  CHECK(copied("oci-archive:" + exports.oci_archive, "from-oci-archive").digest ==
        exports.image.digest);
  // Through docker's form the layers are compressed anew; the diffIDs stay.
  copied("docker-archive:" + exports.docker_archive + ":localhost/app:v1", "from-docker");

  const std::string archive = exports.place.folder / "skopeo.tar";
  out_of({"skopeo", "--insecure-policy", "copy", "-q", layout, "oci-archive:" + archive + ":v1"});
  auto other = TestStore::make();
  CHECK(REQUIRE_OK(import_oci_archive(other.store, archive, "v1", {"linux", "amd64", ""},
                                      base::silent_progress(), {}))
            .digest == exports.image.digest);
}

TEST_CASE("umoci unpacks the layout") {
  if (!base::find_program("umoci")) SKIP_TEST("umoci is not installed");
  // umoci 0.4 knows gzip and plain layers.
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  const std::string layout = place.folder / "layout", bundle = place.folder / "bundle";
  REQUIRE_OK(export_layout(place.store, image, layout, "v1", base::silent_progress(), {}));
  std::vector<std::string> argv = {"umoci", "unpack"};
  if (::geteuid() != 0) argv.push_back("--rootless");
  argv.insert(argv.end(), {"--image", layout + ":v1", bundle});
  out_of(argv);
  CHECK(REQUIRE_OK(base::read_file(bundle + "/rootfs/etc/greeting")) == "hello\n");
  CHECK((REQUIRE_OK(base::read_file(bundle + "/rootfs/app/noise")) == noise(30000)));
}

TEST_CASE("podman loads both archives") {
  if (!base::find_program("podman")) SKIP_TEST("podman is not installed");
  const Exports exports;
  const auto podman = [&](std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"podman",
                                     "--root",
                                     exports.place.folder / "podman/root",
                                     "--runroot",
                                     exports.place.folder / "podman/run",
                                     "--storage-driver",
                                     "vfs",
                                     "--events-backend",
                                     "none",
                                     "--cgroup-manager",
                                     "cgroupfs"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return base::Command{.argv = std::move(argv)};
  };
  if (const std::string lack = status_of(podman({"info"})); !lack.empty()) {
    SKIP_TEST("podman cannot work here: " + lack.substr(0, 300));
  }
  const auto load = [&](const std::string& file) {
    const std::string wrong = status_of(podman({"load", "--quiet", "--input", file}));
    CHECK(wrong == "");
    return out_of(podman({"images", "--no-trunc", "--format", "{{.ID}}"}).argv);
  };
  const auto manifest = REQUIRE_OK(
      oci::parse_manifest(REQUIRE_OK(exports.place.store.read_blob(exports.image.digest))));
  // An image's id is the digest of its config.
  CHECK_THAT(load(exports.docker_archive), Catch::Contains(manifest.config->digest.hex()));
  out_of(podman({"rmi", "--all", "--force"}).argv);
  CHECK_THAT(load(exports.oci_archive), Catch::Contains(manifest.config->digest.hex()));
  out_of(podman({"rmi", "--all", "--force"}).argv);
}
