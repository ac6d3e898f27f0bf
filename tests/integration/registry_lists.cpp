// What a real docker-registry lists: tags, and what refers to an image; and taking things away.
#include <thread>

#include "base/json.h"
#include "base/process.h"
#include "catch.h"
#include "content/copy.h"
#include "content/referrers.h"
#include "integration/registry_fixture.h"
#include "oci/image.h"
#include "registry/referrers_index.h"
#include "registry/repository.h"
#include "store/ends.h"

using namespace imgforge;
using namespace std::chrono_literals;
using registry::Client;
using registry::RawManifest;
using registry::Repository;
using test::count;
using test::kAlice;
using test::Notes;
using test::RegistryServer;
using test::server;

namespace {

constexpr std::string_view kEmpty = "{}";
const char* const kEmptyType = "application/vnd.oci.empty.v1+json";

struct Signer {
  explicit Signer(RegistryServer& server, std::optional<registry::Credentials> who = {})
      : pool({.stall_timeout = 5s}), client(options(server.host(), std::move(who)), pool, notes) {}

  static registry::Options options(const std::string& host,
                                   std::optional<registry::Credentials> who) {
    registry::Options options{
        .host = host, .plain_http = true, .retry = {.base = 20ms, .cap = 100ms}};
    if (who) options.credentials.set(host, std::move(*who));
    return options;
  }
  oci::RegistryReference reference(const std::string& repository, const std::string& tag) {
    return {
        .host = client.host(), .repository = repository, .tag = REQUIRE_OK(oci::Tag::parse(tag))};
  }
  // The image 1 of public/single, mounted into `repository`.
  oci::Descriptor image(const std::string& repository) {
    Repository from(client, "public/single"), to(client, repository);
    return REQUIRE_OK(content::copy(from, "1", to, {.tags = {"1"}}, notes, {})).image;
  }
  void put_empty(const std::string& repository) {
    const auto task = notes.start("", "", std::nullopt);
    REQUIRE_OK(client.put_blob(
        repository, {.digest = oci::Digest::of(kEmpty), .size = kEmpty.size()},
        [] {
          return Result<std::unique_ptr<base::RandomAccess>>(
              std::make_unique<base::TextAccess>(kEmpty));
        },
        {}, *task));
  }

  Notes notes;
  http::Pool pool;
  Client client;
};

RawManifest document(const oci::Manifest& manifest) {
  const std::string bytes = oci::to_json(manifest);
  return {{.media_type = oci::media_type::kManifest,
           .digest = oci::Digest::of(bytes),
           .size = bytes.size()},
          bytes};
}

RawManifest artifact(const std::optional<oci::Descriptor>& subject, const std::string& type,
                     const std::string& note = "") {
  oci::Descriptor empty{
      .media_type = kEmptyType, .digest = oci::Digest::of(kEmpty), .size = kEmpty.size()};
  oci::Manifest manifest{
      .artifact_type = type, .config = empty, .layers = {empty}, .subject = subject};
  if (!note.empty()) manifest.annotations["note"] = note;
  return document(manifest);
}

// Sections run a test case several times, and each begins with an empty repository.
std::string fresh(const std::string& name) {
  static int number = 0;
  return name + std::to_string(++number);
}

std::set<std::string> digests(const std::vector<oci::Descriptor>& entries) {
  std::set<std::string> out;
  for (const auto& entry : entries) out.insert(entry.digest.to_string());
  return out;
}

}  // namespace

TEST_CASE("referrers stand under the tag that a registry without the interface needs") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  const std::string place = fresh("list/signed");
  const auto image = signer.image(place);
  signer.put_empty(place);
  CHECK(REQUIRE_OK(signer.client.referrers(place, image.digest)).empty());
  const RawManifest sbom = artifact(image, "application/spdx+json", "x");
  REQUIRE_OK(signer.client.put_referrer(place, sbom));
  REQUIRE_OK(signer.client.put_referrer(place, sbom));  // nothing is listed twice
  REQUIRE_OK(signer.client.put_referrer(place, artifact(image, "application/other")));
  const auto listed = REQUIRE_OK(signer.client.referrers(place, image.digest));
  REQUIRE(listed.size() == 2);
  CHECK(listed[0].digest == sbom.descriptor.digest);
  CHECK(listed[0].artifact_type == "application/spdx+json");
  CHECK(listed[0].annotations.at("note") == "x");

  SECTION("entries and fields of other tools stay") {
    const auto tag = registry::referrers_tag(image.digest);
    const auto before = REQUIRE_OK(signer.client.get_manifest(signer.reference(place, tag)));
    base::Json index = REQUIRE_OK(base::parse_json(before.bytes, "list"));
    index["manifests"][0]["artifactType"] = kEmptyType;  // as cosign 3 writes it
    index["manifests"][0]["x-other"] = 1;
    index["annotations"]["of"] = "another tool";
    const std::string bytes = index.dump();
    REQUIRE_OK(signer.client.put_manifest(place,
                                          {{.media_type = oci::media_type::kIndex,
                                            .digest = oci::Digest::of(bytes),
                                            .size = bytes.size()},
                                           bytes},
                                          REQUIRE_OK(oci::Tag::parse(tag))));
    REQUIRE_OK(signer.client.put_referrer(place, artifact(image, "application/third")));
    const auto after = REQUIRE_OK(signer.client.get_manifest(signer.reference(place, tag)));
    const base::Json now = REQUIRE_OK(base::parse_json(after.bytes, "list"));
    CHECK(now["manifests"][0]["x-other"] == 1);
    CHECK(now["annotations"]["of"] == "another tool");
    // The type is the manifest's, whatever the list says.
    const auto again = REQUIRE_OK(signer.client.referrers(place, image.digest));
    REQUIRE(again.size() == 3);
    CHECK(again[0].artifact_type == "application/spdx+json");
  }
  SECTION("an entry whose manifest is gone is no referrer") {
    REQUIRE_OK(signer.client.delete_manifest(place, sbom.descriptor.digest));
    CHECK(REQUIRE_OK(signer.client.referrers(place, image.digest)).size() == 1);
  }
}

TEST_CASE("many write the list of referrers at once, and none is lost") {
  REQUIRE_SERVER(registry, "none");
  Signer first(registry);
  const auto image = first.image("list/many");
  first.put_empty("list/many");
  std::atomic<int> failed = 0;
  {
    std::vector<std::jthread> writers;
    for (int writer = 0; writer < 4; ++writer) {
      writers.emplace_back([&, writer] {
        Signer signer(registry);  // a process of its own, as far as the list goes
        for (int i = 0; i < 3; ++i) {
          const auto note = std::to_string(writer) + "." + std::to_string(i);
          if (!signer.client.put_referrer("list/many", artifact(image, "application/x", note))) {
            ++failed;
          }
        }
      });
    }
  }
  const auto listed = REQUIRE_OK(first.client.referrers("list/many", image.digest));
  INFO(failed << " gave up");
  CHECK(failed == 0);
  CHECK(listed.size() == 12);
}

TEST_CASE("the referrers interface is used where there is one, in pages") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  const auto image = signer.image("list/api");
  const auto page = [&](const RawManifest& manifest) {
    return oci::to_json(
        oci::Index{.manifests = {REQUIRE_OK(registry::describe_referrer(manifest))}});
  };
  const RawManifest one = artifact(image, "application/one"),
                    two = artifact(image, "application/2");
  const std::string path = "/v2/list/api/referrers/" + image.digest.to_string();
  registry.fault("^GET " + path + "$", 1, "answer",
                 {{"status", 200},
                  {"body", page(one)},
                  {"headers", {{"Link", "<" + path + "?next=2>; rel=\"next\""}}}});
  registry.fault("^GET " + path + "\\?next=2$", 1, "answer",
                 {{"status", 200}, {"body", page(two)}});
  const auto listed = REQUIRE_OK(signer.client.referrers("list/api", image.digest));
  CHECK(digests(listed) == std::set<std::string>{one.descriptor.digest.to_string(),
                                                 two.descriptor.digest.to_string()});

  // A registry that says that it handles subjects has its own list.
  signer.put_empty("list/api");
  registry.fault("^PUT /v2/list/api/manifests/sha256:", 1, "header",
                 {{"headers", {{"OCI-Subject", image.digest.to_string()}}}});
  registry.log();
  REQUIRE_OK(signer.client.put_referrer("list/api", one));
  CHECK(count(registry.log(), "PUT", "/manifests/sha256-") == 0);

  // No such repository is not: no such interface.
  registry.fault(
      "^GET /v2/list/api/referrers/", 1, "answer",
      {{"status", 404}, {"body", R"({"errors":[{"code":"NAME_UNKNOWN","message":"no"}]})"}});
  CHECK(REQUIRE_OK(signer.client.referrers("list/api", oci::Digest::of("x"))).empty());
  registry.fault("^GET " + path, 1, "answer", {{"status", 200}, {"body", "<html>hello</html>"}});
  const auto page_of_html = signer.client.referrers("list/api", image.digest);
  REQUIRE_FALSE(page_of_html);
  CHECK(page_of_html.error().code() == Errc::protocol);
}

TEST_CASE("signatures travel with an image, and what signs them, before the tag") {
  REQUIRE_SERVER(registry, "none");
  REQUIRE_SERVER(other, "token");
  Signer signer(registry), far(other, kAlice);
  const std::string source = fresh("list/from"), goal = fresh("private/to");
  const auto image = signer.image(source);
  signer.put_empty(source);
  const RawManifest sbom = artifact(image, "application/spdx+json");
  REQUIRE_OK(signer.client.put_referrer(source, sbom));
  const RawManifest of_sbom = artifact(sbom.descriptor, "application/signature");
  REQUIRE_OK(signer.client.put_referrer(source, of_sbom));
  const RawManifest legacy = artifact(std::nullopt, "application/cosign");
  REQUIRE_OK(signer.client.put_manifest(
      source, legacy, REQUIRE_OK(oci::Tag::parse(content::cosign_tag(image.digest, "sig")))));

  Repository from(signer.client, source), to(far.client, goal);
  other.log();
  const auto copied = REQUIRE_OK(
      content::copy(from, "1", to, {.tags = {"lts"}, .referrers = true}, signer.notes, {}));
  CHECK(digests(copied.referrers) == std::set<std::string>{sbom.descriptor.digest.to_string(),
                                                           of_sbom.descriptor.digest.to_string(),
                                                           legacy.descriptor.digest.to_string()});
  std::vector<std::string> puts;
  for (const auto& seen : other.log()) {
    if (seen.method == "PUT" && seen.path.find("/manifests/") != std::string::npos) {
      puts.push_back(seen.path);
    }
  }
  REQUIRE_FALSE(puts.empty());
  CHECK(puts.back() == "/v2/" + goal + "/manifests/lts");
  CHECK(digests(REQUIRE_OK(far.client.referrers(goal, image.digest))) ==
        std::set<std::string>{sbom.descriptor.digest.to_string()});
  CHECK(digests(REQUIRE_OK(far.client.referrers(goal, sbom.descriptor.digest))) ==
        std::set<std::string>{of_sbom.descriptor.digest.to_string()});

  SECTION("again: nothing to do") {
    other.log();
    const auto again = REQUIRE_OK(
        content::copy(from, "1", to, {.tags = {"lts"}, .referrers = true}, signer.notes, {}));
    CHECK(again.referrers.size() == 3);
    const auto log = other.log();
    CHECK(count(log, "PUT", "") == 0);
    CHECK(count(log, "POST", "") == 0);
  }
  SECTION("into the store and out of it") {
    auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "referrers"));
    store::Store store = REQUIRE_OK(store::Store::open(folder / "store"));
    store::StoreEnd shelf(store);
    REQUIRE_OK(content::copy(to, "lts", shelf, {.tags = {"x"}, .referrers = true}, far.notes, {}));
    REQUIRE_OK(store.prune({}));
    Repository back(signer.client, "list/back");
    const auto returned = REQUIRE_OK(
        content::copy(shelf, "x", back, {.tags = {"1"}, .referrers = true}, signer.notes, {}));
    CHECK(digests(returned.referrers) == digests(copied.referrers));
  }
  SECTION("a target that takes them and lists them not") {
    other.fault("^PUT /v2/private/lost/manifests/sha256:", 100, "header",
                {{"headers", {{"OCI-Subject", image.digest.to_string()}}}});
    Repository lost(far.client, "private/lost");
    const auto done =
        content::copy(from, "1", lost, {.tags = {"lts"}, .referrers = true}, far.notes, {});
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::mismatch);
    CHECK(done.error().summary().find("does not list it") != std::string::npos);
    CHECK_FALSE(REQUIRE_OK(far.client.head_manifest(far.reference("private/lost", "lts"))));
  }
}

TEST_CASE("tags: all of them, sorted, in pages") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  Repository from(signer.client, "public/single"), to(signer.client, "list/tags");
  REQUIRE_OK(content::copy(from, "1", to, {.tags = {"b", "a", "c"}}, signer.notes, {}));
  CHECK(REQUIRE_OK(signer.client.list_tags("list/tags")) ==
        std::vector<std::string>{"a", "b", "c"});
  const auto answer = [&](const std::string& match, const char* body, const std::string& link) {
    base::Json more = {{"status", 200}, {"body", body}};
    if (!link.empty()) more["headers"] = {{"Link", link}};
    registry.fault("^GET /v2/list/tags/tags/list" + match, 1, "answer", more);
  };
  SECTION("relative and absolute links") {
    answer("\\?n=1000$", R"({"tags":["z"]})", "</v2/list/tags/tags/list?last=z>; rel=\"next\"");
    answer("\\?last=z$", R"({"tags":["y"]})",
           "<http://" + registry.host() + "/v2/list/tags/tags/list?last=y>; rel=next");
    answer("\\?last=y$", R"({"name":"list/tags","tags":null})", "");
    CHECK(REQUIRE_OK(signer.client.list_tags("list/tags")) == std::vector<std::string>{"y", "z"});
  }
  SECTION("a list without end") {
    answer("\\?n=1000$", R"({"tags":["z"]})", "</v2/list/tags/tags/list?n=1000>; rel=\"next\"");
    CHECK(signer.client.list_tags("list/tags").error().code() == Errc::protocol);
  }
  SECTION("a list that leads elsewhere") {
    answer("\\?n=1000$", R"({"tags":["z"]})", "<http://elsewhere.example/list>; rel=\"next\"");
    CHECK(signer.client.list_tags("list/tags").error().code() == Errc::protocol);
  }
  SECTION("a page for people") {
    answer("", "<html>", "");
    CHECK(signer.client.list_tags("list/tags").error().code() == Errc::protocol);
  }
  SECTION("no such repository") {
    const auto absent = signer.client.list_tags("list/absent");
    REQUIRE_FALSE(absent);
    CHECK(absent.error().code() == Errc::not_found);
  }
}

TEST_CASE("removing a manifest takes its tags; removing a tag is not in the protocol of all") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  const auto image = signer.image("list/removed");
  const auto tag = signer.client.delete_tag("list/removed", REQUIRE_OK(oci::Tag::parse("1")));
  REQUIRE_FALSE(tag);
  CHECK(tag.error().code() == Errc::unsupported);
  CHECK(tag.error().summary().find("does not remove tag 1 of list/removed") != std::string::npos);
  registry.fault("^DELETE ", 1, "lost");
  REQUIRE_OK(signer.client.delete_manifest("list/removed", image.digest));
  CHECK_FALSE(REQUIRE_OK(signer.client.head_manifest(signer.reference("list/removed", "1"))));
  CHECK(signer.client.delete_manifest("list/removed", image.digest).error().code() ==
        Errc::not_found);
}

TEST_CASE("an immutable tag: the same digest is success, another one refused") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  signer.image("list/immutable");
  signer.put_empty("list/immutable");
  const auto image =
      REQUIRE_OK(signer.client.get_manifest(signer.reference("list/immutable", "1")));
  const base::Json refusal = {
      {"status", 412},
      {"body", R"({"errors":[{"code":"PRECONDITION","message":"Failed to process request due )"
               R"(to 'immutable:1' configured as immutable."}]})"}};
  const auto tag = REQUIRE_OK(oci::Tag::parse("1"));
  registry.fault("^PUT ", 1, "answer", refusal);
  REQUIRE_OK(signer.client.put_manifest("list/immutable", image, tag));
  registry.fault("^PUT ", 1, "answer", refusal);
  const auto moved =
      signer.client.put_manifest("list/immutable", artifact(std::nullopt, "application/x"), tag);
  REQUIRE_FALSE(moved);
  CHECK(moved.error().code() == Errc::refused);
  CHECK(moved.error().summary().find("configured as immutable") != std::string::npos);
  CHECK(moved.error().hint().find("choose another tag") != std::string::npos);
}

TEST_CASE("an image that the project withholds is pushed, tagged and signed all the same") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  Repository from(signer.client, "public/single"), to(signer.client, "list/withheld");
  REQUIRE_OK(content::copy(from, "1", to, {.tags = {"1"}}, signer.notes, {}));
  registry.fault("^HEAD /v2/list/withheld/manifests/", 100, "answer",
                 {{"status", 412},
                  {"body", R"({"errors":[{"code":"PROJECTPOLICYVIOLATION","message":"The image is )"
                           R"(not signed by cosign."}]})"}});
  registry.log();
  const auto again =
      REQUIRE_OK(content::copy(from, "1", to, {.tags = {"1", "2"}}, signer.notes, {}));
  CHECK(again.document_there);
  const auto log = registry.log();
  CHECK(count(log, "PUT", "/v2/list/withheld/manifests/") == 2);
  CHECK(count(log, "HEAD", "/blobs/") == 0);
}

TEST_CASE("a manifest that is too large is not sent, and one whose blobs are missing is named") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  registry.log();
  const RawManifest huge = artifact(std::nullopt, "application/x", std::string(5 << 20, 'x'));
  CHECK(signer.client.put_manifest("list/huge", huge, std::nullopt).error().code() ==
        Errc::invalid);
  CHECK(registry.log().empty());
  oci::Descriptor absent{
      .media_type = oci::media_type::kLayerGzip, .digest = oci::Digest::of("absent"), .size = 6};
  const auto put = signer.client.put_manifest(
      "list/lacking", document({.config = absent, .layers = {absent}}), std::nullopt);
  REQUIRE_FALSE(put);
  CHECK(put.error().summary().find("MANIFEST_BLOB_UNKNOWN") != std::string::npos);
}

TEST_CASE("a head without digest or length asks for the manifest") {
  REQUIRE_SERVER(registry, "none");
  Signer signer(registry);
  registry.fault("^HEAD ", 1, "header", {{"headers", {{"Docker-Content-Digest", ""}}}});
  const auto head = REQUIRE_OK(signer.client.head_manifest(signer.reference("public/single", "1")));
  REQUIRE(head);
  CHECK(head->digest.to_string() == registry.digest("manifest"));
}
