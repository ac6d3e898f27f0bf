#include "base/json.h"
#include "document/node.h"
#include "evidence/materials.h"
#include "evidence/provenance.h"
#include "fixture.h"

using namespace imgforge;
using namespace imgforge::evidence;

namespace {

spec::ImageSpec small_spec() {
  spec::ImageSpec spec;
  spec.image = "demo";
  spec.build = "v1";
  spec.epoch = {1747699200};
  spec.digest = std::string(64, '5');
  for (const char* yaml : {"{kind: bootstrap, suite: bookworm}", "{kind: run, script: make}"}) {
    const auto node = REQUIRE_OK(document::parse_yaml(yaml, "spec.yaml"));
    const std::string kind = node.find("kind")->text();
    spec.layers.push_back({.id = kind == "run" ? "hand" : "os", .kind = kind, .entry = node});
  }
  return spec;
}

const BuildFacts kFacts{.builder_id = "https://ci.example/builder",
                        .builder_version = {{"imgforge", "1.2.3"}}};

}  // namespace

TEST_CASE("golden: a provenance predicate") {
  const ImageFixture fixture = whole_image();
  BuildFacts facts = kFacts;
  facts.spec_file = "specs/demo.yaml";
  facts.source = {"git+https://git.example/team/demo", std::string(40, 'c')};
  check_golden(REQUIRE_OK(provenance(fixture.image, small_spec(), fixture.lock, facts)),
               "provenance.json");
}

TEST_CASE("times and invocation are told only when they are given") {
  const ImageFixture fixture = whole_image();
  const auto details = [&](const BuildFacts& facts) {
    return base::Json::parse(
        REQUIRE_OK(provenance(fixture.image, small_spec(), fixture.lock, facts)))["runDetails"];
  };
  CHECK_FALSE(details(kFacts).contains("metadata"));
  BuildFacts facts = kFacts;
  facts.invocation_id = "https://ci.example/runs/7";
  facts.started = base::Seconds{0};
  CHECK(details(facts)["metadata"] == base::Json{{"invocationId", "https://ci.example/runs/7"},
                                                 {"startedOn", "1970-01-01T00:00:00Z"}});
}

TEST_CASE("a builder is a URI") {
  const ImageFixture fixture = whole_image();
  for (const char* id : {"", "builder", ":x", "https:", "1x:y", "has blank: x"}) {
    INFO(id);
    BuildFacts facts = kFacts;
    facts.builder_id = id;
    CHECK(provenance(fixture.image, small_spec(), fixture.lock, facts).error().code() ==
          Errc::invalid);
  }
}

TEST_CASE("a password does not become evidence") {
  const ImageFixture fixture = whole_image();
  const auto with_source = [&](const char* uri) {
    BuildFacts facts = kFacts;
    facts.source = {uri, std::string(40, 'c')};
    return provenance(fixture.image, small_spec(), fixture.lock, facts);
  };
  CHECK(with_source("git+https://user:secret@git.example/x").error().code() == Errc::invalid);
  CHECK(with_source("git+ssh://git@git.example:22/x"));
  CHECK(with_source("git+https://git.example/a:b@c"));
}

TEST_CASE("the lock's digest does not change when a build records what it made") {
  const ImageFixture fixture = whole_image();
  spec::Lock recorded = fixture.lock;
  recorded.records = {{std::string(64, '1'), std::string(64, '2'), 3, std::string(64, '4'), 5}};
  recorded.manifest = std::string(64, '6');
  CHECK(lock_digest(recorded) == lock_digest(fixture.lock));
  recorded.layers.pop_back();
  CHECK(lock_digest(recorded) != lock_digest(fixture.lock));
}

TEST_CASE("inputs are named by role") {
  using Kind = sources::Origin::Kind;
  CHECK(uri_of({.kind = Kind::archive, .role = "debian", .path = "pool/main/g/g++_1.deb"}) ==
        "imgforge:archive/debian/pool/main/g/g++_1.deb");
  CHECK(uri_of({.kind = Kind::archive,
                .role = "debian",
                .path = "pool/x",
                .snapshot = "20250520T000000Z"}) ==
        "imgforge:archive/debian/20250520T000000Z/pool/x");
  CHECK(
      uri_of(
          {.kind = Kind::index, .role = "pytorch/cu118", .project = "torch", .path = "a b.whl"}) ==
      "imgforge:index/pytorch%2Fcu118/torch/a%20b.whl");
  CHECK(uri_of({.kind = Kind::redist, .role = "cuda", .path = "x/y.tar.xz"}) ==
        "imgforge:redist/cuda/x/y.tar.xz");
  CHECK(uri_of({.kind = Kind::url, .path = "https://example.org/x.tgz"}) ==
        "https://example.org/x.tgz");
  CHECK(uri_of({.kind = Kind::project, .path = "files/x"}) == "imgforge:project/files/x");
  CHECK(uri_of({.kind = Kind::builtin, .path = "imgforge-probe"}) ==
        "imgforge:builtin/imgforge-probe");
}
