// Reading from a real docker-registry: without authentication, with Basic, with tokens, and through
// a proxy that breaks what it can.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <thread>

#include "catch.h"
#include "error_text.h"
#include "integration/registry_fixture.h"
#include "registry/pull.h"

using namespace imgforge;
using namespace std::chrono_literals;
using registry::Client;
using registry::Credentials;
using test::count;
using test::kAlice;
using test::Notes;
using test::RegistryServer;
using test::Seen;
using test::server;

namespace {

// A store and a client of the server, for one test case.
struct Reader {
  explicit Reader(const RegistryServer& server, std::optional<Credentials> credentials = {})
      : host(server.host()),
        pool({.stall_timeout = 10s}),
        client(options(server.host(), std::move(credentials)), pool, notes),
        folder(REQUIRE_OK(base::TempDir::create("/tmp", "pull"))),
        store(REQUIRE_OK(store::Store::open(folder / "store"))) {}

  static registry::Options options(const std::string& host, std::optional<Credentials> who) {
    registry::Options options{.host = host, .plain_http = true, .retry = {.base = 1ms, .cap = 5ms}};
    if (who) options.credentials.set(host, std::move(*who));
    return options;
  }
  oci::RegistryReference reference(const std::string& name) const {
    const auto parsed = REQUIRE_OK(oci::Reference::parse(host + "/" + name));
    return *parsed.registry();
  }
  Result<oci::Descriptor> pull(const std::string& name, const char* platform = "linux/amd64",
                               std::stop_token stop = {}) {
    return registry::pull_image(client, reference(name), REQUIRE_OK(oci::Platform::parse(platform)),
                                store, 4, notes, stop);
  }
  Error pull_fails(const std::string& name) {
    auto pulled = pull(name);
    if (pulled) FAIL("the pull of " << name << " succeeded");
    return pulled.error();
  }
  bool has(const std::string& digest) const {
    return store.has_blob(REQUIRE_OK(oci::Digest::parse(digest)));
  }
  // Everything in the store is what its name says, and nothing half-done lies about.
  bool whole() {
    return REQUIRE_OK(store.verify(false, base::silent_progress(), {})).empty() &&
           REQUIRE_OK(store.usage()).temporary_bytes == 0;
  }

  std::string host;
  Notes notes;
  http::Pool pool;
  Client client;
  base::TempDir folder;
  store::Store store;
};

}  // namespace

TEST_CASE("an image comes out of an index, whole, and nothing is read twice") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  REQUIRE_OK(reader.client.ping());
  const auto pulled = REQUIRE_OK(reader.pull("public/multi:1"));
  CHECK(pulled.digest.to_string() == registry.digest("manifest"));
  CHECK(pulled.media_type == oci::media_type::kManifest);
  for (const std::string& digest :
       {registry.digest("manifest"), registry.digest("config"), registry.digest("index"),
        registry.layer(0), registry.layer(1)}) {
    CHECK(reader.has(digest));
  }
  CHECK_FALSE(reader.has(registry.digest("arm64")));
  CHECK(reader.whole());
  CHECK(count(registry.log(), "GET", "/blobs/") == 3);

  REQUIRE_OK(reader.pull("public/single:1"));
  CHECK(count(registry.log(), "GET", "/blobs/") == 0);
  const auto arm = REQUIRE_OK(reader.pull("public/multi:1", "linux/arm64"));
  CHECK(arm.digest.to_string() == registry.digest("arm64"));
  CHECK(count(registry.log(), "GET", "/blobs/") == 2);  // one layer is the same

  for (const char* name : {"manifest", "index"}) {
    const auto offline = REQUIRE_OK(reader.pull("public/multi@" + registry.digest(name)));
    CHECK(offline.digest == pulled.digest);
  }
  CHECK(registry.log().empty());
}

TEST_CASE("a manifest is its bytes") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  const auto by_tag = REQUIRE_OK(reader.client.get_manifest(reader.reference("public/multi:1")));
  CHECK(by_tag.descriptor.media_type == oci::media_type::kIndex);
  CHECK(by_tag.descriptor.digest.to_string() == registry.digest("index"));
  CHECK(by_tag.descriptor.size == by_tag.bytes.size());
  CHECK(oci::Digest::of(by_tag.bytes) == by_tag.descriptor.digest);
  const auto by_digest = REQUIRE_OK(
      reader.client.get_manifest(reader.reference("public/multi@" + registry.digest("arm64"))));
  CHECK(by_digest.descriptor.media_type == oci::media_type::kManifest);
}

TEST_CASE("what is not there is named") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  const Error tag = reader.pull_fails("public/multi:2");
  CHECK(tag.code() == Errc::not_found);
  CHECK(tag.summary() == registry.host() +
                             " has no tag 2 of public/multi (HTTP 404; MANIFEST_UNKNOWN: manifest "
                             "unknown)");
  const Error repository = reader.pull_fails("public/absent");
  CHECK(repository.code() == Errc::not_found);
  CHECK(repository.summary().find("has no tag latest of public/absent") != std::string::npos);
  auto platform = reader.pull("public/multi:1", "linux/s390x");
  REQUIRE_FALSE(platform);
  CHECK(platform.error().code() == Errc::not_found);
  CHECK(platform.error().hint() == "it has images for linux/amd64, linux/arm64");
  CHECK(reader.notes.notes == 0);  // none of this is tried again
}

TEST_CASE("Basic: the right password, the wrong one, none") {
  REQUIRE_SERVER(registry, "basic");
  Reader alice(registry, kAlice);
  REQUIRE_OK(alice.client.ping());
  CHECK(REQUIRE_OK(alice.pull("private/single:1")).digest.to_string() ==
        registry.digest("manifest"));
  CHECK(alice.whole());

  Reader mallory(registry, Credentials{.user = "alice", .password = "guess"});
  const Error wrong = mallory.pull_fails("private/single:1");
  CHECK(wrong.code() == Errc::forbidden);
  CHECK(wrong.summary().find("to user alice (HTTP 401") != std::string::npos);
  CHECK(error_text(wrong).find("guess") == std::string::npos);

  Reader nobody(registry);
  const Error none = nobody.pull_fails("private/single:1");
  CHECK(none.code() == Errc::unauthorized);
  CHECK(none.hint().find("podman login " + registry.host()) != std::string::npos);
  CHECK(nobody.client.ping().error().code() == Errc::unauthorized);
}

TEST_CASE("a token for nobody, for a user, for an identity token") {
  REQUIRE_SERVER(registry, "token");
  Reader nobody(registry);
  REQUIRE_OK(nobody.pull("public/multi:1"));
  CHECK(nobody.whole());
  auto log = registry.log();
  CHECK(count(log, "GET", "/token?") == 1);  // one for all the requests to a repository
  CHECK(count(log, "GET", "/v2/") == 6);     // one refused, two manifests, three blobs

  const Error refused = nobody.pull_fails("private/single:1");
  CHECK(refused.code() == Errc::unauthorized);
  CHECK(refused.hint().find("podman login") != std::string::npos);

  Reader alice(registry, kAlice);
  REQUIRE_OK(alice.pull("private/single:1"));
  CHECK(alice.whole());
  registry.log();
  Reader identity(registry, Credentials{.user = "<token>", .identity_token = "refresh-me"});
  REQUIRE_OK(identity.pull("private/single:1"));
  log = registry.log();
  CHECK(count(log, "POST", "/token") == 1);
  CHECK(count(log, "GET", "/token") == 0);
}

TEST_CASE("a wrong password is the token service's refusal, and shown without itself") {
  REQUIRE_SERVER(registry, "token");
  for (const Credentials& wrong : {Credentials{.user = "alice", .password = "hunter2"},
                                   Credentials{.user = "<token>", .identity_token = "hunter2"}}) {
    Reader reader(registry, wrong);
    const Error error = reader.pull_fails("private/single:1");
    CHECK(error.code() == Errc::unauthorized);
    CHECK(error.summary().find("refuses user " + wrong.user) != std::string::npos);
    CHECK(error_text(error).find("hunter2") == std::string::npos);
    CHECK(reader.notes.notes == 0);
  }
}

TEST_CASE("a token that is refused in the middle is renewed once, for everybody") {
  REQUIRE_SERVER(registry, "token");
  Reader reader(registry, kAlice);
  REQUIRE_OK(reader.client.get_manifest(reader.reference("private/single:1")));
  registry.revoke_tokens();
  registry.log();
  REQUIRE_OK(reader.pull("private/single:1"));
  CHECK(reader.whole());
  CHECK(count(registry.log(), "GET", "/token?") == 1);
}

TEST_CASE("a registry that refuses every token is believed") {
  REQUIRE_SERVER(registry, "token");
  Reader reader(registry, kAlice);
  registry.fault("GET /v2/", 100, "answer",
                 {{"status", 401},
                  {"headers",
                   {{"WWW-Authenticate", "Bearer realm=\"http://" + registry.host() +
                                             "/token\",service=\"test-registry\""}}}});
  CHECK(reader.pull_fails("private/single:1").code() == Errc::forbidden);
  CHECK(count(registry.log(), "GET", "/v2/") == 2);
}

TEST_CASE("an unprotected token service of a protected registry gets nothing") {
  REQUIRE_SERVER(registry, "token");
  Notes notes;
  http::Pool pool({});
  registry::Authenticator authenticator({.host = registry.host(), .plain_http = false}, pool,
                                        notes);
  registry.log();
  const auto header = authenticator.renew(
      {"private/single", registry::Scopes::pull("private/single")}, "",
      registry::parse_challenges({"Bearer realm=\"http://" + registry.host() + "/token\""}), false,
      {});
  REQUIRE_FALSE(header);
  CHECK(header.error().code() == Errc::refused);
  CHECK(registry.log().empty());
}

TEST_CASE("storage behind a redirect sees no credentials") {
  REQUIRE_SERVER(registry, "token");
  Reader reader(registry, kAlice);
  registry.fault("^GET /v2/.*/blobs/", 3, "storage");
  REQUIRE_OK(reader.pull("private/single:1"));
  CHECK(reader.whole());
  std::size_t at_storage = 0;
  for (const Seen& seen : registry.log()) {
    if (!seen.storage) continue;
    ++at_storage;
    CHECK(seen.authorization.empty());
  }
  CHECK(at_storage == 3);
}

TEST_CASE("an expired address of storage is asked for again") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  registry.fault("^GET /v2/.*/blobs/", 6, "storage");
  registry.fault("^GET /signed/", 1, "answer", {{"status", 403}, {"body", "expired"}});
  REQUIRE_OK(reader.pull("public/single:1"));
  CHECK(reader.whole());
  CHECK(reader.notes.notes == 1);
}

TEST_CASE("broken connections are taken up where they broke") {
  REQUIRE_SERVER(registry, "none");
  const std::string blob = "GET /v2/.*/blobs/" + registry.layer(1);
  for (const char* kind : {"reset", "close"}) {
    DYNAMIC_SECTION(kind) {
      Reader reader(registry);
      registry.fault(blob, 2, kind);
      REQUIRE_OK(reader.pull("public/single:1"));
      CHECK(reader.whole());
      const auto log = registry.log();
      std::vector<std::string> ranges;
      for (const Seen& seen : log) {
        if (seen.path.ends_with(registry.layer(1))) ranges.push_back(seen.range);
      }
      REQUIRE(ranges.size() == 3);
      CHECK(ranges[0].empty());
      CHECK(ranges[1] == "bytes=" + std::to_string(registry.big_size() / 2) + "-");
      CHECK(ranges[2] > ranges[1]);
    }
  }
  SECTION("without ranges it starts over, and gives every byte once") {
    Reader reader(registry);
    registry.fault(blob, 1, "close");
    registry.fault(blob, 1, "noranges");
    REQUIRE_OK(reader.pull("public/single:1"));
    CHECK(reader.whole());
  }
  SECTION("no answer at all") {
    Reader reader(registry);
    registry.fault("GET /v2/", 3, "drop");
    REQUIRE_OK(reader.pull("public/single:1"));
    CHECK(reader.notes.notes == 3);
  }
}

TEST_CASE("busy and broken registries are asked again, and not for ever") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  SECTION("for a while") {
    for (const auto& [part, statuses] :
         {std::pair<std::string, std::vector<int>>{"manifests/1", {429, 500, 408}},
          {"blobs/" + registry.layer(1), {502, 503, 504}}}) {
      for (const int status : statuses) {
        registry.fault("GET /v2/.*/" + part, 1, "answer",
                       {{"status", status}, {"headers", {{"Retry-After", "0"}}}});
      }
    }
    REQUIRE_OK(reader.pull("public/single:1"));
    CHECK(reader.whole());
    CHECK(reader.notes.notes == 6);
  }
  SECTION("always 429") {
    registry.fault("GET /v2/", 100, "answer", {{"status", 429}});
    const Error error = reader.pull_fails("public/single:1");
    CHECK(error.code() == Errc::rate_limited);
    CHECK(registry.log().size() == 6);
  }
  SECTION("a server that asks for more patience than there is") {
    registry.fault("GET /v2/", 100, "answer",
                   {{"status", 503}, {"headers", {{"Retry-After", "3600"}}}});
    CHECK(reader.pull_fails("public/single:1").code() == Errc::unavailable);
    CHECK(registry.log().size() == 1);
  }
  SECTION("an ingress that answers with a page") {
    registry.fault("GET /v2/", 100, "answer",
                   {{"status", 502},
                    {"body", "<html>Bad Gateway</html>"},
                    {"headers", {{"Content-Type", "text/html"}}}});
    const Error error = reader.pull_fails("public/single:1");
    CHECK(error.code() == Errc::unavailable);
    CHECK(error.hint().find("web page") != std::string::npos);
  }
}

TEST_CASE("content that is not what its name says is never kept") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  const std::string big = registry.layer(1);
  for (const char* kind : {"wrong", "truncated", "long"}) {
    DYNAMIC_SECTION("a blob is " << kind) {
      registry.fault("GET /v2/.*/blobs/" + big, 100, kind);
      const Error error = reader.pull_fails("public/single:1");
      CHECK(error.code() == Errc::mismatch);
      CHECK(error.summary().find(big) != std::string::npos);
      CHECK_FALSE(reader.has(big));
      CHECK_FALSE(reader.has(registry.digest("manifest")));
      CHECK(reader.whole());
      CHECK(count(registry.log(), "GET", "/blobs/" + big) == 1);
    }
  }
  SECTION("two halves of different blobs: once more in one piece") {
    registry.fault("GET /v2/.*/blobs/" + big, 1, "close");
    registry.fault("GET /v2/.*/blobs/" + big, 1, "wrong");
    REQUIRE_OK(reader.pull("public/single:1"));
    CHECK(reader.whole());
    CHECK(count(registry.log(), "GET", "/blobs/" + big) == 3);
  }
  SECTION("a manifest by digest") {
    registry.fault("GET /v2/.*/manifests/", 100, "wrong");
    CHECK(reader.pull_fails("public/single@" + registry.digest("manifest")).code() ==
          Errc::mismatch);
  }
  SECTION("a manifest by tag, against the registry's own word") {
    registry.fault("GET /v2/.*/manifests/", 100, "header",
                   {{"headers", {{"Docker-Content-Digest", registry.layer(0)}}}});
    CHECK(reader.pull_fails("public/single:1").code() == Errc::mismatch);
  }
  SECTION("a manifest under another type than its own") {
    registry.fault("GET /v2/.*/manifests/", 100, "header",
                   {{"headers", {{"Content-Type", oci::media_type::kIndex}}}});
    CHECK(reader.pull_fails("public/single:1").code() == Errc::protocol);
  }
}

TEST_CASE("a web page is no manifest, and a manifest no flood") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  SECTION("a login page of a proxy") {
    registry.fault("GET /v2/", 1, "answer",
                   {{"status", 200},
                    {"body", "<html>Please log in</html>"},
                    {"headers", {{"Content-Type", "text/html"}}}});
    const Error error = reader.pull_fails("public/single:1");
    CHECK(error.code() == Errc::protocol);
    CHECK(error.summary().find("web page instead of tag 1 of public/single") != std::string::npos);
  }
  SECTION("more than a manifest may have") {
    registry.fault("GET /v2/", 1, "answer",
                   {{"status", 200}, {"body", std::string((4 << 20) + 1, ' ')}});
    const Error error = reader.pull_fails("public/single:1");
    CHECK(error.code() == Errc::protocol);
  }
}

TEST_CASE("a registry's warning is shown once") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  registry.fault("GET /v2/.*/manifests/", 2, "header",
                 {{"headers", {{"Warning", "299 - \"this repository moves\""}}}});
  REQUIRE_OK(reader.pull("public/multi:1"));
  CHECK(reader.notes.warnings ==
        std::vector<std::string>{registry.host() + " says: this repository moves"});
}

TEST_CASE("a mirror serves what another host is named for, to the same credentials") {
  REQUIRE_SERVER(registry, "basic");
  Notes notes;
  http::Pool pool({});
  registry::Options options{.host = "hub.example",
                            .address = registry.host(),
                            .plain_http = true,
                            .retry = {.base = 1ms}};
  options.credentials.set("hub.example/private", kAlice);
  Client client(std::move(options), pool, notes);
  const auto there = REQUIRE_OK(oci::Reference::parse("hub.example/private/single:1"));
  CHECK(REQUIRE_OK(client.get_manifest(*there.registry())).descriptor.digest.to_string() ==
        registry.digest("manifest"));
  const auto elsewhere = REQUIRE_OK(oci::Reference::parse("hub.example/public/single:1"));
  CHECK(client.get_manifest(*elsewhere.registry()).error().code() == Errc::unauthorized);
}

TEST_CASE("nobody there: a few tries, then a sentence") {
  REQUIRE_SERVER(registry, "none");
  Notes notes;
  http::Pool pool({});
  // A port that was free a moment ago, and a protected client of an unprotected server.
  Client absent({.host = "127.0.0.1:1", .plain_http = true, .retry = {.base = 1ms}}, pool, notes);
  const auto reference = REQUIRE_OK(oci::Reference::parse("127.0.0.1:1/a/b:1"));
  const auto nobody = absent.get_manifest(*reference.registry());
  REQUIRE_FALSE(nobody);
  CHECK(nobody.error().code() == Errc::unavailable);
  CHECK(notes.notes == 2);

  Client strict({.host = registry.host(), .retry = {.base = 1ms}}, pool, notes);
  const auto plain = REQUIRE_OK(oci::Reference::parse(registry.host() + "/public/single:1"));
  const auto refused = strict.get_manifest(*plain.registry());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().hint().find("plain HTTP") != std::string::npos);
  CHECK(registry.log().empty());
}

TEST_CASE("a stop ends a pull that hangs, and leaves the store whole") {
  REQUIRE_SERVER(registry, "none");
  Reader reader(registry);
  registry.fault("GET /v2/.*/blobs/" + registry.layer(1), 1, "stall");
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(500ms);
    stop.request_stop();
  });
  const auto started = std::chrono::steady_clock::now();
  const auto pulled = reader.pull("public/single:1", "linux/amd64", stop.get_token());
  REQUIRE_FALSE(pulled);
  CHECK(pulled.error().code() == Errc::cancelled);
  CHECK(std::chrono::steady_clock::now() - started < 8s);  // the stall limit is 10 s
  CHECK_FALSE(reader.has(registry.digest("manifest")));
  CHECK(reader.whole());
  REQUIRE_OK(reader.pull("public/single:1"));
  CHECK(reader.whole());
}
