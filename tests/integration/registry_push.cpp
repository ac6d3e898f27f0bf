// Writing to a real docker-registry: whole images, blobs in every way, referrers, tags; through a
// proxy that breaks what it can.
#include <chrono>
#include <random>
#include <thread>

#include "base/process.h"
#include "catch.h"
#include "content/copy.h"
#include "error_text.h"
#include "integration/registry_fixture.h"
#include "oci/image.h"
#include "registry/layer_cache.h"
#include "registry/referrers_index.h"
#include "registry/repository.h"
#include "store/ends.h"

using namespace imgforge;
using namespace std::chrono_literals;
using content::CopyOptions;
using registry::Client;
using registry::Credentials;
using registry::Repository;
using registry::UploadOptions;
using test::count;
using test::kAlice;
using test::kBob;
using test::Notes;
using test::RegistryServer;
using test::Seen;
using test::server;

namespace {

std::string noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

// A blob with its content, which the test names by a seed so that no two tests share one.
struct Blob {
  explicit Blob(std::size_t size, unsigned seed)
      : content(noise(size, seed)),
        descriptor{.media_type = "application/octet-stream",
                   .digest = oci::Digest::of(content),
                   .size = size} {}
  std::string content;
  oci::Descriptor descriptor;
};

// A client of the server, and its images as a layout, for one test case.
struct Writer {
  explicit Writer(RegistryServer& server, std::optional<Credentials> who = {},
                  registry::Options more = {})
      : host(server.host()),
        pool({.stall_timeout = 3s}),
        client(options(server.host(), std::move(who), std::move(more)), pool, notes),
        origin(server.scratch() + "/layout") {}

  static registry::Options options(const std::string& host, std::optional<Credentials> who,
                                   registry::Options options) {
    options.host = host;
    options.plain_http = true;
    options.retry.base = 1ms;
    options.retry.cap = 5ms;
    if (who) options.credentials.set(host, std::move(*who));
    return options;
  }
  Result<content::CopyReport> push(const std::string& name, const std::string& repository,
                                   CopyOptions options = {.tags = {"1"}}) {
    Repository target(client, repository);
    options.verb = "push";
    return content::copy(origin, name, target, options, notes, {});
  }
  Error push_fails(const std::string& repository) {
    auto pushed = push("single", repository);
    if (pushed) FAIL("the push to " << repository << " succeeded");
    return pushed.error();
  }
  Result<Client::Upload> put(const std::string& repository, const Blob& blob,
                             const UploadOptions& options = {}, std::stop_token stop = {}) {
    auto task = notes.start("push", repository, blob.content.size());
    return client.put_blob(
        repository, blob.descriptor,
        [&] {
          ++opened;
          return Result<std::unique_ptr<base::RandomAccess>>(
              std::make_unique<base::TextAccess>(blob.content));
        },
        options, *task, stop);
  }
  bool has(const std::string& repository, const Blob& blob) {
    return REQUIRE_OK(client.has_blob(repository, blob.descriptor));
  }
  oci::RegistryReference reference(const std::string& name) const {
    const auto parsed = REQUIRE_OK(oci::Reference::parse(host + "/" + name));
    return *parsed.registry();
  }
  std::optional<oci::Descriptor> head(const std::string& name) {
    return REQUIRE_OK(client.head_manifest(reference(name)));
  }

  std::string host;
  Notes notes;
  http::Pool pool;
  Client client;
  store::LayoutOrigin origin;
  std::atomic<int> opened = 0;
};

std::uint64_t bytes_of(const std::vector<Seen>& log, const std::string& method) {
  std::uint64_t bytes = 0;
  for (const Seen& seen : log) bytes += seen.method == method ? seen.length : 0;
  return bytes;
}

}  // namespace

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

TEST_CASE("rights: a user who may, one who may only read, a wrong password, nobody") {
  REQUIRE_SERVER(token, "token");
  REQUIRE_SERVER(basic, "basic");
  Writer alice(token, kAlice);
  REQUIRE_OK(alice.push("single", "private/pushed"));
  const auto log = token.log();
  CHECK(count(log, "GET", "/token?") == 1);  // one token for all of it

  Writer bob(token, kBob);
  const Error denied = bob.push_fails("private/notmine");
  CHECK(denied.code() == Errc::forbidden);
  CHECK(denied.summary().find("does not take blob") != std::string::npos);
  CHECK(denied.summary().find("from user bob") != std::string::npos);
  CHECK(denied.hint().find("may push to it") != std::string::npos);

  Writer nobody(token);
  CHECK(nobody.push_fails("public/notmine").code() == Errc::unauthorized);
  Writer wrong(token, Credentials{.user = "alice", .password = "hunter2"});
  const Error refused = wrong.push_fails("private/notmine");
  CHECK(refused.code() == Errc::unauthorized);
  CHECK(error_text(refused).find("hunter2") == std::string::npos);

  Writer basic_alice(basic, kAlice);
  REQUIRE_OK(basic_alice.push("single", "private/pushed"));
  Writer basic_wrong(basic, Credentials{.user = "alice", .password = "hunter2"});
  CHECK(basic_wrong.push_fails("private/pushed").code() == Errc::forbidden);
}

TEST_CASE("a login is checked without naming a repository") {
  REQUIRE_SERVER(open, "none");
  REQUIRE_SERVER(basic, "basic");
  REQUIRE_SERVER(token, "token");
  CHECK_FALSE(REQUIRE_OK(Writer(open, kAlice).client.ping()));  // it asks nobody
  const Credentials wrong{.user = "alice", .password = "hunter2"};
  for (RegistryServer* registry : {&basic, &token}) {
    CHECK(REQUIRE_OK(Writer(*registry, kAlice).client.ping()));
    const auto refused = Writer(*registry, wrong).client.ping();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::unauthorized);
    CHECK(error_text(refused.error()).find("hunter2") == std::string::npos);
  }
  // With a scope Harbor would give a token for nobody.
  for (const Seen& seen : token.log()) CHECK(seen.path.find("scope=") == std::string::npos);
}

TEST_CASE("a token that is refused in the middle of a push is renewed, and the blob sent again") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob blob(300'000, 11);
  REQUIRE_OK(writer.put("private/renewed", Blob(10, 12)));
  registry.revoke_tokens();
  registry.log();
  REQUIRE_OK(writer.put("private/renewed", blob));
  CHECK(writer.has("private/renewed", blob));
  CHECK(count(registry.log(), "GET", "/token?") == 1);

  SECTION("between the request for an upload and its bytes, before they are read") {
    registry.fault("^PUT /v2/private/renewed/blobs/uploads", 1, "early",
                   {{"status", 401},
                    {"headers",
                     {{"WWW-Authenticate",
                       "Bearer realm=\"http://" + registry.host() +
                           "/token\",service=\"test-registry\",scope=\"repository:private/"
                           "renewed:pull,push repository:private/other:pull\",error=\"invalid_"
                           "token\""}}}});
    const Blob large(3'000'000, 13);
    REQUIRE_OK(writer.put("private/renewed", large));
    CHECK(writer.has("private/renewed", large));
    // What the challenge wanted beyond our own wish was asked for.
    const auto log = registry.log();
    const auto asked = std::find_if(log.begin(), log.end(), [](const Seen& seen) {
      return seen.path.find("/token?") == 0 &&
             seen.path.find("private%2Fother") != std::string::npos;
    });
    CHECK(asked != log.end());
  }
}

TEST_CASE("a mount without the right to look is an ordinary upload") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob one(1000, 21), two(1000, 22), three(1000, 23);
  SECTION("refused by a real registry: once, and not tried again") {
    for (const Blob* blob : {&one, &two}) {
      CHECK(REQUIRE_OK(writer.put("private/m", *blob, {.mount_from = {"vault/secret"}})) ==
            Client::Upload::sent);
    }
    CHECK(count(registry.log(), "POST", "mount=") <= 3);  // 401, renewed, refused
  }
  SECTION("as Harbor says it") {
    registry.fault(
        "POST .*mount=", 9, "answer",
        {{"status", 401}, {"headers", {{"WWW-Authenticate", "Basic realm=\"harbor\""}}}});
    CHECK(REQUIRE_OK(writer.put("private/m", one, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
  }
  SECTION("broken") {
    registry.fault("POST .*mount=", 9, "answer", {{"status", 500}});
    CHECK(REQUIRE_OK(writer.put("private/m", two, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
  }
  SECTION("the other has no such blob: the upload that was begun is used") {
    CHECK(REQUIRE_OK(writer.put("private/m", three, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
    CHECK(count(registry.log(), "POST", "/blobs/uploads/?mount") == 2);  // the first without token
  }
  SECTION("the second repository has it") {
    REQUIRE_OK(writer.put("private/has", three));
    writer.opened = 0;
    CHECK(REQUIRE_OK(
              writer.put("private/m2", three, {.mount_from = {"private/single", "private/has"}})) ==
          Client::Upload::mounted);
    CHECK(writer.opened == 0);
  }
}

TEST_CASE("an empty blob, and one of one byte") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  for (const std::uint64_t chunk : {0, 1}) {
    for (const std::size_t size : {0, 1, 2}) {
      const Blob blob(size, 31 + static_cast<unsigned>(size));
      const std::string repository = "push/tiny" + std::to_string(chunk);
      REQUIRE_OK(writer.put(repository, blob, {.chunk_size = chunk}));
      CHECK(writer.has(repository, blob));
    }
  }
}

TEST_CASE("in pieces: contiguous, each byte once, and never mixed with a whole body") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 41);
  REQUIRE_OK(writer.put("push/pieces", blob, {.chunk_size = 300'000}));
  CHECK(writer.has("push/pieces", blob));
  CHECK(writer.notes.bytes == 1'000'000);
  std::vector<std::string> ranges;
  for (const Seen& seen : registry.log()) {
    if (seen.method == "PATCH") ranges.push_back(seen.content_range);
    if (seen.method == "PUT") CHECK(seen.length == 0);
  }
  CHECK(ranges ==
        std::vector<std::string>{"0-299999", "300000-599999", "600000-899999", "900000-999999"});
}

TEST_CASE("the server's smallest piece is kept") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 42);
  registry.fault("^POST /v2/push/smallest", 1, "header",
                 {{"headers", {{"OCI-Chunk-Min-Length", "400000"}}}});
  REQUIRE_OK(writer.put("push/smallest", blob, {.chunk_size = 100'000}));
  CHECK(count(registry.log(), "PATCH", "") == 3);
}

TEST_CASE("a proxy that limits requests gets pieces, and later blobs know") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.limit(600'000);
  const Blob blob(3'000'000, 43), next(2'000'000, 44);
  REQUIRE_OK(writer.put("push/limited", blob));
  CHECK(writer.has("push/limited", blob));
  registry.log();
  REQUIRE_OK(writer.put("push/limited", next));
  const auto log = registry.log();
  CHECK(count(log, "PUT", "") == 1);
  for (const Seen& seen : log) CHECK(seen.length <= 600'000);
  SECTION("several blobs learn it at the same time") {
    Writer fresh(registry);
    std::vector<Blob> blobs;
    for (unsigned i = 0; i < 6; ++i) blobs.emplace_back(1'000'000, 300 + i);
    std::atomic<int> good = 0;
    {
      std::vector<std::jthread> threads;
      for (const Blob& one : blobs) {
        threads.emplace_back([&] { good += fresh.put("push/limited", one).has_value(); });
      }
    }
    CHECK(good == 6);
  }
  SECTION("one that lets nothing through is named") {
    registry.limit(1000);
    Writer fresh(registry);
    const auto put = fresh.put("push/limited", Blob(1'000'000, 45));
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::refused);
    CHECK(put.error().summary().find("too large for one request (HTTP 413)") != std::string::npos);
    CHECK(put.error().hint().find("limit") != std::string::npos);
  }
}

TEST_CASE("broken uploads begin again or go on, and are whole") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  const Blob blob(1'000'000, 51);
  const auto pieces = UploadOptions{.chunk_size = 250'000};
  SECTION("a reset in the middle of a whole body") {
    registry.fault("^PUT /v2/push/broken1/blobs", 2, "cut");
    REQUIRE_OK(writer.put("push/broken1", blob));
    CHECK(writer.has("push/broken1", blob));
    CHECK(writer.notes.bytes == 1'000'000);  // each byte is told once
  }
  SECTION("the answer to a whole body is lost") {
    registry.fault("^PUT /v2/push/broken2/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken2", blob));
    CHECK(count(registry.log(), "PUT", "/blobs/") == 1);  // a look was enough
  }
  SECTION("a reset in the middle of a piece: the server says where it is") {
    registry.fault("^PATCH /v2/push/broken3/blobs", 1, "cut");
    REQUIRE_OK(writer.put("push/broken3", blob, pieces));
    CHECK(writer.has("push/broken3", blob));
    CHECK(count(registry.log(), "POST", "/blobs/uploads/") == 1);
  }
  SECTION("the answer to a piece is lost: distribution does not say, so it begins again") {
    registry.fault("^PATCH /v2/push/broken4/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken4", blob, pieces));
    CHECK(writer.has("push/broken4", blob));
    CHECK(count(registry.log(), "POST", "/blobs/uploads/") == 2);
  }
  SECTION("the answer to the last request is lost") {
    registry.fault("^PUT /v2/push/broken5/blobs", 1, "lost");
    REQUIRE_OK(writer.put("push/broken5", blob, pieces));
    CHECK(count(registry.log(), "PATCH", "") == 4);
  }
  SECTION("the upload is gone") {
    for (const char* method : {"PUT", "PATCH"}) {
      registry.fault(std::string("^") + method + " /v2/push/broken6/blobs", 1, "answer",
                     {{"status", 404},
                      {"body", R"({"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"no"}]})"}});
    }
    REQUIRE_OK(writer.put("push/broken6", blob, pieces));
    CHECK(writer.has("push/broken6", blob));
  }
  SECTION("out of step: the server says where it is") {
    registry.fault("^PATCH /v2/push/brokenc/blobs", 1, "answer",
                   {{"status", 416}, {"content_range", "^500000-"}});
    REQUIRE_OK(writer.put("push/brokenc", blob, pieces));
    CHECK(writer.has("push/brokenc", blob));
    CHECK(count(registry.log(), "POST", "") == 1);
  }
  SECTION("out of step for ever") {
    registry.fault("^PATCH /v2/push/brokend/blobs", 1000, "answer", {{"status", 416}});
    CHECK(writer.put("push/brokend", blob, pieces).error().code() == Errc::unavailable);
  }
  SECTION("it is gone every time") {
    registry.fault("^PUT /v2/push/broken7/blobs", 100, "answer",
                   {{"status", 404},
                    {"body", R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"no"}]})"}});
    const auto put = writer.put("push/broken7", blob);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::unavailable);
    CHECK(put.error().summary().find("has lost the upload") != std::string::npos);
    CHECK(put.error().hint().find("replicas") != std::string::npos);
    CHECK(count(registry.log(), "PUT", "/blobs/") == 6);
  }
  SECTION("its last piece is lost every time, however far it got before") {
    registry.fault("^PATCH .*", 1000, "answer", {{"status", 404}, {"content_range", "^750000-"}});
    const auto put = writer.put("push/broken8", blob, pieces);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::unavailable);
    CHECK(count(registry.log(), "PATCH", "") == 6 * 4);
  }
  SECTION("busy for a while") {
    for (const char* method : {"POST", "PUT"}) {
      for (const int status : {429, 503, 502}) {
        registry.fault(std::string("^") + method + " /v2/push/broken9/blobs", 1, "answer",
                       {{"status", status},
                        {"body", "<html>busy</html>"},
                        {"headers", {{"Retry-After", "0"}, {"Content-Type", "text/html"}}}});
      }
    }
    registry.fault("^PUT /v2/push/broken9/manifests", 2, "answer", {{"status", 500}});
    CHECK_FALSE(writer.push("single", "push/broken9", {.tags = {"1"}, .parallel = 1}));
    registry.clear();
    registry.fault("^(POST|PUT) /v2/push/brokena/", 4, "answer",
                   {{"status", 503}, {"headers", {{"Retry-After", "0"}}}});
    REQUIRE_OK(writer.push("single", "push/brokena", {.tags = {"1"}, .parallel = 1}));
  }
  SECTION("a blob that two whole attempts broke goes in pieces") {
    const Blob large((32 << 20) + 1, 52);
    registry.fault("^PUT /v2/push/brokenb/blobs", 2, "cut");
    REQUIRE_OK(writer.put("push/brokenb", large));
    CHECK(count(registry.log(), "PATCH", "") > 1);
    CHECK(writer.has("push/brokenb", large));
  }
}

TEST_CASE("content that is damaged on its way, or at home") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  Blob blob(100'000, 61);
  SECTION("on its way: sent again") {
    registry.fault("^PUT /v2/push/damaged/blobs", 1, "damaged");
    REQUIRE_OK(writer.put("push/damaged", blob));
    CHECK(writer.has("push/damaged", blob));
  }
  SECTION("at home: said so, at once") {
    blob.content[7] = static_cast<char>(blob.content[7] ^ 1);
    const auto put = writer.put("push/damaged2", blob);
    REQUIRE_FALSE(put);
    CHECK(put.error().code() == Errc::mismatch);
    CHECK(put.error().summary().find("the source is damaged") != std::string::npos);
    CHECK(count(registry.log(), "PUT", "/blobs/") == 1);
  }
  SECTION("a registry that calls a manifest by another name") {
    registry.fault("^PUT /v2/push/damaged3/manifests", 1, "header",
                   {{"headers", {{"Docker-Content-Digest", registry.layer(0)}}}});
    CHECK(writer.push_fails("push/damaged3").code() == Errc::mismatch);
  }
}

TEST_CASE("an upload elsewhere gets the bytes and no credentials") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob blob(100'000, 71);
  REQUIRE_OK(writer.put("private/foreign", Blob(3, 72)));  // so that there is a token
  registry.fault("^POST /v2/private/foreign/blobs", 1, "foreign");
  registry.log();
  REQUIRE_OK(writer.put("private/foreign", blob));
  CHECK(writer.has("private/foreign", blob));
  std::size_t elsewhere = 0;
  for (const Seen& seen : registry.log()) {
    if (!seen.storage) continue;
    ++elsewhere;
    CHECK(seen.authorization.empty());
    CHECK(seen.length == blob.content.size());
  }
  CHECK(elsewhere == 1);
}

TEST_CASE("an answer that drips is given up") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.fault("GET /v2/public/single/blobs/", 100, "drip");
  const auto started = std::chrono::steady_clock::now();
  auto reading = registry::Options{.retry = {.attempts = 2}};
  Writer hasty(registry, std::nullopt, reading);
  std::string got;
  base::StringSink sink(got);
  auto task = hasty.notes.start("", "", std::nullopt);
  const auto blob = hasty.client.get_blob(
      "public/single",
      {.digest = REQUIRE_OK(oci::Digest::parse(registry.layer(1))), .size = registry.big_size()},
      sink, *task);
  REQUIRE_FALSE(blob);
  CHECK(blob.error().code() == Errc::timed_out);
  CHECK(blob.error().summary().find("less than") != std::string::npos);
  CHECK(std::chrono::steady_clock::now() - started < 20s);
}

TEST_CASE("patience ends, also with a server that always has another excuse") {
  REQUIRE_SERVER(registry, "none");
  auto options = registry::Options{.retry = {.attempts = 1000}, .patience = 300ms};
  Writer writer(registry, std::nullopt, options);
  registry.fault("^POST /v2/push/excuses", 100'000, "answer", {{"status", 503}});
  const auto started = std::chrono::steady_clock::now();
  CHECK(writer.put("push/excuses", Blob(10, 81)).error().code() == Errc::unavailable);
  CHECK(std::chrono::steady_clock::now() - started < 3s);
}

TEST_CASE("an upload in pieces goes on in another process") {
  REQUIRE_SERVER(registry, "none");
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "journal"));
  const registry::UploadJournal journal(folder / "uploads");
  const UploadOptions options{.chunk_size = 200'000, .journal = &journal};
  const Blob blob(1'000'000, 91);
  {
    // The process that dies: three pieces arrive, then nothing goes any more.
    Writer first(registry, std::nullopt, registry::Options{.retry = {.attempts = 1}});
    registry.fault("^PATCH .*", 3, "none");
    registry.fault("^(PATCH|GET|DELETE) .*", 100, "drop");
    CHECK_FALSE(first.put("push/journal", blob, options));
    registry.clear();
  }
  const auto place = journal.find(registry.host(), "push/journal", blob.descriptor.digest);
  REQUIRE(place);
  CHECK(place->offset == 600'000);
  Writer second(registry);
  SECTION("where the server still has it") {
    REQUIRE_OK(second.put("push/journal", blob, options));
    CHECK(second.has("push/journal", blob));
    const auto log = registry.log();
    CHECK(count(log, "POST", "") == 0);
    CHECK(count(log, "PATCH", "") == 2);
    CHECK(second.notes.bytes == 1'000'000);
  }
  SECTION("where it has forgotten it") {
    registry.fault("^GET /v2/push/journal/blobs/uploads/", 1, "answer", {{"status", 404}});
    REQUIRE_OK(second.put("push/journal", blob, options));
    CHECK(second.has("push/journal", blob));
    CHECK(count(registry.log(), "PATCH", "") == 5);
  }
  CHECK_FALSE(journal.find(registry.host(), "push/journal", blob.descriptor.digest));
}

TEST_CASE("what is given up is cancelled at the server") {
  REQUIRE_SERVER(registry, "none");
  Writer writer(registry);
  registry.fault("^PUT /v2/push/cancelled/blobs", 100, "answer", {{"status", 403}});
  CHECK(writer.put("push/cancelled", Blob(1000, 95)).error().code() == Errc::forbidden);
  CHECK(count(registry.log(), "DELETE", "/v2/push/cancelled/blobs/uploads/") == 1);
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
