// The whole way of a base image: `imgforge lock` and `imgforge build` with kind `image` from a real
// docker-registry with tokens, credentials in docker's file.
#include <unistd.h>

#include "catch.h"
#include "integration/registry_server.h"
#include "oci/image.h"
#include "store/store.h"

using namespace imgforge;
using test::RegistryServer;
using test::Seen;

namespace {

// A folder with a spec, a store, and docker's configuration.
struct Place {
  explicit Place(const RegistryServer& server)
      : folder(REQUIRE_OK(base::TempDir::create("/tmp", "based"))) {
    write("based.yaml",
          "imgforge: 1\nimage: based\nbuild: v1\nplatform: linux/amd64\n"
          "epoch: 2025-05-20T00:00:00Z\nlayers:\n  - id: base\n    kind: image\n    ref: " +
              server.host() + "/private/single:1\n");
    write("probe", "not a program, and good enough to be copied\n");
    log_in(server, "alice:secret");
  }
  void write(const std::string& name, const std::string& content) {
    REQUIRE_OK(base::write_file_atomic(folder / name, content));
  }
  void log_in(const RegistryServer& server, std::string_view who) {
    write("config.json", R"({"auths":{")" + server.host() + R"(":{"auth":")" +
                             base::to_base64(base::as_bytes(who)) + "\"}}}");
  }
  base::CommandResult imgforge(std::vector<std::string> words) {
    words.insert(words.begin(), IMGFORGE_PROGRAM);
    words.insert(words.end(), {"--store", folder / "store", "--progress", "none", "--json"});
    const base::Command command{
        .argv = std::move(words),
        .environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "HOME=" + folder.path(),
                                                "DOCKER_CONFIG=" + folder.path(),
                                                "IMGFORGE_PROBE=" + (folder / "probe")},
        .directory = folder.path()};
    return REQUIRE_OK(base::run_command(command));
  }
  base::Json succeed(std::vector<std::string> words) {
    const auto result = imgforge(std::move(words));
    INFO(result.err);
    REQUIRE(result.status == 0);
    return REQUIRE_OK(base::parse_json(result.out, "the answer"));
  }
  void forget(const std::string& digest) {
    REQUIRE(::unlink((folder / "store/blobs/sha256/" + digest.substr(7)).c_str()) == 0);
  }

  base::TempDir folder;
};

RegistryServer& server() {
  static RegistryServer one("token");
  if (!one.lacks()) one.clear();
  return one;
}

#define REQUIRE_SERVER(name)       \
  RegistryServer& name = server(); \
  if (const auto missing = name.lacks()) SKIP_TEST(*missing)

}  // namespace

TEST_CASE("a base image is locked by digest, and its layers are reused byte for byte") {
  REQUIRE_SERVER(registry);
  Place place(registry);
  place.succeed({"lock", "based.yaml"});
  const std::string lock = REQUIRE_OK(base::read_file(place.folder / "based.lock.json"));
  for (const std::string& digest :
       {registry.digest("manifest"), registry.layer(0), registry.layer(1)}) {
    CHECK(lock.find(digest) != std::string::npos);
  }
  registry.log();
  const auto built = place.succeed({"build", "based.yaml", "-o", "oci:out:based"});
  CHECK(registry.log().empty());  // locking brought everything

  // The two layers of the base image stand at the bottom, under their own digests.
  auto store = REQUIRE_OK(store::Store::open(place.folder / "out"));
  const auto image = REQUIRE_OK(oci::Digest::parse(built["digest"].get<std::string>()));
  const auto manifest = REQUIRE_OK(oci::parse_manifest(REQUIRE_OK(store.read_blob(image))));
  REQUIRE(manifest.layers.size() >= 2);
  CHECK(manifest.layers[0].digest.to_string() == registry.layer(0));
  CHECK(manifest.layers[1].digest.to_string() == registry.layer(1));

  // What is missing comes by its digest: no tag, no manifest, one layer, the same image.
  place.forget(registry.layer(1));
  const auto again = place.succeed({"build", "based.yaml"});
  CHECK(again["digest"] == built["digest"]);
  for (const Seen& seen : registry.log()) {
    CHECK((seen.path.starts_with("/token?") || seen.path.ends_with(registry.layer(1))));
  }
}

TEST_CASE("fetch brings the layers of a base image, and the build then asks nobody") {
  REQUIRE_SERVER(registry);
  Place place(registry);
  place.succeed({"lock", "based.yaml"});
  const auto whole = place.succeed({"build", "based.yaml"});
  place.forget(registry.layer(0));
  place.forget(registry.layer(1));
  CHECK(place.succeed({"fetch", "based.yaml", "--dry-run"})["fetched"] == 2);
  CHECK(place.succeed({"fetch", "based.yaml"})["fetched"] == 2);
  CHECK(place.succeed({"fetch", "based.yaml"})["fetched"] == 0);
  registry.log();
  CHECK(place.succeed({"build", "based.yaml"})["digest"] == whole["digest"]);
  CHECK(registry.log().empty());
}

TEST_CASE("what a registry refuses is an exit code and a sentence without secrets") {
  REQUIRE_SERVER(registry);
  Place place(registry);
  place.log_in(registry, "alice:hunter2");
  const auto refused = place.imgforge({"lock", "based.yaml"});
  CHECK(refused.status == 4);
  CHECK(refused.err.find("refuses user alice") != std::string::npos);
  CHECK((refused.err + refused.out).find("hunter2") == std::string::npos);
  CHECK_FALSE(base::exists(place.folder / "based.lock.json"));

  place.log_in(registry, "alice:secret");
  registry.fault("GET /v2/.*/blobs/" + registry.layer(1), 100, "wrong");
  const auto damaged = place.imgforge({"lock", "based.yaml"});
  CHECK(damaged.status == 5);
  CHECK(damaged.err.find(registry.layer(1)) != std::string::npos);
  registry.clear();
  place.succeed({"lock", "based.yaml"});  // nothing damaged stayed behind
}
