// Writing whole images to a real docker-registry: in every way, their tag last, and nothing twice.
#include <chrono>
#include <thread>

#include "base/process.h"
#include "catch.h"
#include "content/copy.h"
#include "integration/registry_writer.h"
#include "oci/image.h"
#include "registry/layer_cache.h"
#include "registry/repository.h"
#include "store/ends.h"

using namespace imgforge;
using namespace imgforge::test;

TEST_CASE("an image is pushed whole, its tag last, and nothing twice") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const auto first = REQUIRE_OK(writer.push("single", "push/whole"));
  CHECK(first.image.digest.to_string() == registry.digest("manifest"));
  CHECK(first.moved.sent.blobs == 3);
  CHECK(first.moved.there.blobs == 0);
  CHECK(first.written == std::vector<std::string>{"1"});
  CHECK(writer.notes.outcomes_so_far() == std::map<std::string, int>{{"pushed", 3}});
  CHECK(writer.notes.bytes == first.moved.sent.bytes);
  auto log = registry.log();
  REQUIRE_FALSE(log.empty());
  CHECK(log.back().method == "PUT");
  CHECK(log.back().path == "/v2/push/whole/manifests/1");
  CHECK(count(log, "PUT", "/manifests/") == 1);
  CHECK(count(log, "PUT", "/blobs/uploads/") == 3);
  CHECK(count(log, "PATCH", "") == 0);

  const auto second = REQUIRE_OK(writer.push("single", "push/whole"));
  CHECK(second.document_there);
  CHECK(second.written.empty());
  log = registry.log();
  CHECK(log.size() <= 3);
  for (const Seen& seen : log) CHECK(seen.method == "HEAD");

  const auto third = REQUIRE_OK(writer.push("single", "push/whole", {.tags = {"2", "1", "lts"}}));
  CHECK(third.written == std::vector<std::string>{"2", "lts"});
  CHECK(count(registry.log(), "HEAD", "/blobs/") == 0);
  CHECK(writer.head("push/whole:lts")->digest == first.image.digest);
}

TEST_CASE("skopeo finds what was pushed, as it was") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  REQUIRE_OK(writer.push("multi", "push/skopeo"));
  const auto raw = base::run_command({.argv = {"skopeo", "inspect", "--raw", "--tls-verify=false",
                                               "docker://" + registry.host() + "/push/skopeo:1"}});
  REQUIRE(raw);
  REQUIRE(raw->status == 0);
  CHECK(oci::Digest::of(raw->out).to_string() == registry.digest("index"));
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "skopeo"));
  REQUIRE_OK(base::write_file_atomic(folder / "policy.json",
                                     R"({"default":[{"type":"insecureAcceptAnything"}]})"));
  const auto pulled = base::run_command(
      {.argv = {"skopeo", "--policy", folder / "policy.json", "copy", "--all",
                "--src-tls-verify=false", "docker://" + registry.host() + "/push/skopeo:1",
                "oci:" + (folder / "out") + ":x"}});
  REQUIRE(pulled);
  INFO(pulled->err);
  CHECK(pulled->status == 0);
}

TEST_CASE("an index goes with all its images, or one image of it goes alone") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const auto all = REQUIRE_OK(writer.push("multi", "push/all"));
  CHECK(all.image.digest.to_string() == registry.digest("index"));
  CHECK(writer.head("push/all@" + registry.digest("arm64")));
  CHECK(all.moved.sent.blobs == 5);  // one layer is the same
  const auto one = REQUIRE_OK(
      writer.push("multi", "push/one",
                  {.tags = {"1"}, .platform = REQUIRE_OK(oci::Platform::parse("linux/arm64"))}));
  CHECK(one.image.digest.to_string() == registry.digest("arm64"));
  CHECK_FALSE(writer.head("push/one@" + registry.digest("index")));
}

TEST_CASE("within a registry blobs are mounted, and between registries they pass through") {
  REQUIRE_SERVER(registry, "none");
  REQUIRE_SERVER(other, "token");
  Writer writer(registry), elsewhere(other, kAlice);
  Repository from(writer.client, "public/multi"), mounted(writer.client, "push/mounted");
  const auto within = REQUIRE_OK(
      content::copy(from, "1", mounted, {.tags = {"1"}, .verb = "copy"}, writer.notes, {}));
  CHECK(within.moved.mounted.blobs == 5);
  CHECK(within.moved.sent.blobs == 0);
  const auto log = registry.log();
  CHECK(count(log, "GET", "/blobs/") == 0);
  CHECK(bytes_of(log, "PUT") < 5000);  // manifests
  CHECK(writer.notes.outcomes_so_far()["mounted"] == 5);

  Repository far(elsewhere.client, "private/copied");
  const auto between =
      REQUIRE_OK(content::copy(from, "1", far, {.tags = {"1"}, .verb = "copy"}, writer.notes, {}));
  CHECK(between.moved.sent.blobs == 5);
  CHECK(between.image == within.image);
  CHECK(elsewhere.head("private/copied:1")->digest.to_string() == registry.digest("index"));
}

TEST_CASE("a stream between registries survives breaks at both ends") {
  REQUIRE_SERVER(registry, "none");
  REQUIRE_SERVER(other, "basic");
  Writer writer(registry), elsewhere(other, kAlice);
  Repository from(writer.client, "public/single"), to(elsewhere.client, "private/streamed");
  registry.fault("GET /v2/.*/blobs/" + registry.layer(1), 2, "reset");
  other.fault("^PUT /v2/.*/blobs/uploads/", 2, "cut");
  const auto copied = REQUIRE_OK(content::copy(from, "1", to, {.tags = {"1"}}, writer.notes, {}));
  CHECK(copied.moved.sent.blobs == 3);
  CHECK(elsewhere.head("private/streamed:1"));
}

TEST_CASE("a dry run looks and writes nothing") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const auto plan = REQUIRE_OK(
      writer.push("single", "push/dry", {.tags = {"1"}, .referrers = true, .dry_run = true}));
  CHECK(plan.moved.sent.blobs == 3);
  CHECK(plan.written == std::vector<std::string>{"1"});
  for (const Seen& seen : registry.log()) CHECK((seen.method == "HEAD" || seen.method == "GET"));
  CHECK_FALSE(writer.head("push/dry:1"));
}

TEST_CASE("from a registry into the store and out again, bytes stay bytes") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "push-store"));
  store::Store store = REQUIRE_OK(store::Store::open(folder / "store"));
  store::StoreEnd shelf(store);
  Repository from(writer.client, "public/multi");
  const auto pulled = REQUIRE_OK(
      content::copy(from, "1", shelf, {.tags = {"multi"}, .verb = "pull"}, writer.notes, {}));
  CHECK(pulled.moved.sent.blobs == 5);
  CHECK(REQUIRE_OK(store.verify(false, writer.notes, {})).empty());
  CHECK(REQUIRE_OK(store.find_image("multi"))->digest.to_string() == registry.digest("index"));
  registry.log();
  const auto again = REQUIRE_OK(
      content::copy(from, "1", shelf, {.tags = {"multi"}, .verb = "pull"}, writer.notes, {}));
  CHECK(again.document_there);
  CHECK(count(registry.log(), "GET", "/blobs/") == 0);
  Repository to(writer.client, "push/fromstore");
  const auto pushed =
      REQUIRE_OK(content::copy(shelf, "multi", to, {.tags = {"1"}}, writer.notes, {}));
  CHECK(pushed.image.digest.to_string() == registry.digest("index"));
}

TEST_CASE("finished blobs are offered while others are made; a failure stops the rest") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "pusher"));
  store::Store store = REQUIRE_OK(store::Store::open(folder / "store"));
  store::StoreEnd shelf(store);
  const auto config = REQUIRE_OK(store.put_document(R"({"os":"linux"})", oci::media_type::kConfig));
  std::vector<oci::Descriptor> layers;
  for (unsigned i = 0; i < 8; ++i) {
    auto ingest = REQUIRE_OK(store.new_blob());
    REQUIRE_OK(ingest.write(base::as_bytes(noise(50'000, 100 + i))));
    const auto digest = REQUIRE_OK(ingest.commit());
    layers.push_back({.media_type = oci::media_type::kLayer, .digest = digest, .size = 50'000});
  }
  const std::string bytes = oci::to_json(oci::Manifest{.config = config, .layers = layers});
  const auto manifest = REQUIRE_OK(store.put_document(bytes, oci::media_type::kManifest));
  Repository target(writer.client, "push/offered");
  SECTION("all arrive, each once") {
    content::Pusher pusher(shelf, target, {.parallel = 3}, writer.notes, {});
    {
      std::vector<std::jthread> builders;
      for (int thread = 0; thread < 3; ++thread) {
        builders.emplace_back([&] {
          for (const auto& layer : layers) pusher.offer(layer);
        });
      }
    }
    REQUIRE_OK(pusher.publish({{manifest, bytes}}, {"1", "2"}));
    CHECK(pusher.moved().sent.blobs == 9);
    CHECK(count(registry.log(), "PUT", "/blobs/") == 9);
    CHECK(writer.head("push/offered:2")->digest == manifest.digest);
  }
  SECTION("one cannot be sent: its error, and no manifest") {
    registry.fault("^PUT /v2/push/offered2/blobs", 100, "answer",
                   {{"status", 403},
                    {"body", R"({"errors":[{"code":"DENIED","message":"adding 1.0 GiB of storage )"
                             R"(resource, which when updated to current usage of 9.5 GiB will )"
                             R"(exceed the configured upper limit of 10.0 GiB."}]})"}});
    Repository full(writer.client, "push/offered2");
    content::Pusher pusher(shelf, full, {.parallel = 3}, writer.notes, {});
    for (const auto& layer : layers) pusher.offer(layer);
    const auto done = pusher.publish({{manifest, bytes}}, {"1"});
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::refused);
    CHECK(done.error().summary().find("quota is used up") != std::string::npos);
    CHECK(count(registry.log(), "PUT", "/manifests/") == 0);
  }
  SECTION("a blob that neither end has is named") {
    content::Pusher pusher(shelf, target, {}, writer.notes, {});
    const Blob unknown(5, 999);
    pusher.offer(unknown.descriptor);
    const auto done = pusher.settle();
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::not_found);
    CHECK(done.error().summary().find(unknown.descriptor.digest.to_string()) != std::string::npos);
  }
  SECTION("collected between the look and the manifest: sent again, once") {
    registry.fault("^PUT /v2/push/offered3/manifests", 1, "answer",
                   {{"status", 400},
                    {"body", R"({"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"gone"}]})"}});
    Repository third(writer.client, "push/offered3");
    content::Pusher pusher(shelf, third, {}, writer.notes, {});
    REQUIRE_OK(pusher.publish({{manifest, bytes}}, {"1"}));
    CHECK(count(registry.log(), "PUT", "/blobs/") == 18);
  }
  SECTION("destroyed in the middle") {
    registry.fault("^PUT /v2/push/offered4/blobs", 100, "stall");
    Repository fourth(writer.client, "push/offered4");
    const auto started = std::chrono::steady_clock::now();
    {
      content::Pusher pusher(shelf, fourth, {}, writer.notes, {});
      for (const auto& layer : layers) pusher.offer(layer);
      std::this_thread::sleep_for(200ms);
    }
    CHECK(std::chrono::steady_clock::now() - started < 10s);
  }
}

TEST_CASE("an empty machine writes a manifest for layers that others pushed") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry::LayerCache cache(writer.client, "push/cache");
  const auto key = [](int i) { return store::LayerKey::of("layer " + std::to_string(i)); };
  std::vector<store::BuiltLayer> built;
  for (int i = 0; i < 3; ++i) {
    const Blob blob(10'000, 200 + static_cast<unsigned>(i));
    REQUIRE_OK(writer.put("push/cache", blob));
    oci::Descriptor layer = blob.descriptor;
    layer.media_type = oci::media_type::kLayerGzip;
    built.push_back({layer, oci::Digest::of("tar " + std::to_string(i)), 20'000, 7});
    CHECK(REQUIRE_OK(cache.put(key(i), built.back(), {})));
    CHECK_FALSE(REQUIRE_OK(cache.put(key(i), built.back(), {})));  // the first one stays
  }
  registry.log();
  const auto found = REQUIRE_OK(cache.find({key(0), key(7), key(2)}, 4, {}));
  CHECK(registry.log().size() == 3);
  REQUIRE(found.size() == 3);
  CHECK(found[0] == built[0]);
  CHECK_FALSE(found[1]);
  CHECK(found[2] == built[2]);

  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "empty"));
  store::Store store = REQUIRE_OK(store::Store::open(folder / "store"));
  store::StoreEnd shelf(store);
  const auto config = REQUIRE_OK(store.put_document(R"({"os":"linux"})", oci::media_type::kConfig));
  const std::string bytes =
      oci::to_json(oci::Manifest{.config = config, .layers = {found[0]->blob, found[2]->blob}});
  Repository target(writer.client, "push/product");
  content::Pusher pusher(shelf, target, {.mount_from = {"push/cache"}}, writer.notes, {});
  const content::Document manifest{{.media_type = oci::media_type::kManifest,
                                    .digest = oci::Digest::of(bytes),
                                    .size = bytes.size()},
                                   bytes};
  registry.log();
  REQUIRE_OK(pusher.publish({manifest}, {"1"}));
  CHECK(pusher.moved().mounted.blobs == 2);
  CHECK(bytes_of(registry.log(), "PUT") == bytes.size() + config.size);
}
