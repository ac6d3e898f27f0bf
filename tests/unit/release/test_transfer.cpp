#include "release/transfer.h"

#include <algorithm>

#include "catch.h"
#include "oci/image.h"
#include "promotion_story.h"
#include "release/history.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

const std::string kBuild = "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1";

// dev has a nightly image with all its evidence; prod has the channel v2.6-lts.
struct TwoProjects : Story {
  TwoProjects() : Story("r.example/dev/pytorch") {
    promote("nightly", first);
    repository.writes.clear();
  }
  Result<MovePlan> plan_across() {
    return plan_promotion(policy, request("v2.6-lts"), repository,
                          REQUIRE_OK(oci::Tag::parse("nightly")), prod, tools(), {});
  }
  Result<MoveResult> carry_across(const MovePlan& plan) {
    return release::carry_out(plan, repository, prod, tools(), {});
  }
  void make_harbors() {
    repository.is_harbor = prod.is_harbor = true;
    prod.harbor_side.sources[repository.name()] = &repository;
  }
  RawManifest first = image("v2.6.1");
  MemoryRepository prod{"r.example/prod/pytorch"};
};

oci::Descriptor describe(const std::string& media_type, const std::string& bytes) {
  return {.media_type = media_type, .digest = oci::Digest::of(bytes), .size = bytes.size()};
}

bool did(const MoveResult& result, const std::string& what) {
  return std::find(result.done.begin(), result.done.end(), what) != result.done.end();
}

}  // namespace

TEST_CASE("an image goes to another project with everything beside it") {
  for (const bool api : {true, false}) {
    TwoProjects story;
    story.prod.referrers_api = api;
    const std::size_t beside = story.repository.artifact_count(story.first.descriptor.digest);
    const MovePlan plan = REQUIRE_OK(story.plan_across());
    CHECK(plan.travels());
    CHECK(story.prod.writes.empty());
    const MoveResult result = REQUIRE_OK(story.carry_across(plan));
    CHECK(result.moved);

    const oci::Digest& digest = story.first.descriptor.digest;
    CHECK(story.prod.tagged("v2.6-lts") == digest);
    CHECK(story.prod.tagged(kBuild) == digest);
    CHECK(story.prod.tagged("nightly") == std::nullopt);
    CHECK(REQUIRE_OK(story.prod.manifest(digest)).bytes == story.first.bytes);
    CHECK(story.prod.artifact_count(digest) == beside + 1);  // and the new record
    CHECK(story.prod.writes.back() == "put v2.6-lts");
    CHECK(story.repository.writes.empty());  // the source is only read

    // The record of dev's nightly came along, and tells nothing about prod.
    const History history = REQUIRE_OK(
        read_history(story.prod, {.name = "v2.6-lts", .trust = "release"}, story.tools(), {}));
    REQUIRE(history.entries.size() == 1);
    CHECK(history.entries[0].move.record.source == "r.example/dev/pytorch");
    CHECK(REQUIRE_OK(
              read_history(story.prod, {.name = "nightly", .trust = "release"}, story.tools(), {}))
              .entries.empty());
  }
}

TEST_CASE("what is too large for a statement goes from registry to registry") {
  TwoProjects story;
  const std::string input(33 << 20, 'x'), empty = "{}";
  oci::Manifest manifest;
  manifest.artifact_type = "application/vnd.imgforge.inputs.v1";
  manifest.config = describe("application/vnd.oci.empty.v1+json", empty);
  manifest.layers = {describe("application/vnd.imgforge.input.v1", input)};
  manifest.subject = story.first.descriptor;
  const std::string bytes = oci::to_json(manifest);
  const oci::Descriptor kept = describe(oci::media_type::kManifest, bytes);
  REQUIRE_OK(
      story.repository.attach({.manifest = {kept, bytes},
                               .blobs = {{*manifest.config, empty}, {manifest.layers[0], input}},
                               .tag = std::nullopt}));
  story.repository.writes.clear();
  const MovePlan plan = REQUIRE_OK(story.plan_across());
  CHECK(REQUIRE_OK(story.carry_across(plan)).moved);
  CHECK(std::count(story.prod.writes.begin(), story.prod.writes.end(), "copy image") == 2);
  CHECK(std::count(story.prod.writes.begin(), story.prod.writes.end(),
                   "attach " + kept.digest.short_hex()) == 0);
  CHECK(REQUIRE_OK(story.prod.manifest(kept.digest)).bytes == bytes);
}

TEST_CASE("a second image sends only what is new, and a second run nothing") {
  TwoProjects story;
  REQUIRE_OK(story.carry_across(REQUIRE_OK(story.plan_across())));
  story.prod.writes.clear();
  const MovePlan again = REQUIRE_OK(story.plan_across());
  CHECK(again.is_there());
  CHECK_FALSE(REQUIRE_OK(story.carry_across(again)).moved);
  CHECK(story.prod.writes.empty());
}

TEST_CASE("a failure in the middle leaves the channel, says what was done, and goes on next time") {
  TwoProjects story;
  const MovePlan plan = REQUIRE_OK(story.plan_across());
  int attached = 0;
  story.prod.before_attach = [&](const Artifact&) -> Result<> {
    if (++attached == 3) return fail(Errc::unavailable, "503");
    return {};
  };
  const auto failed = story.carry_across(plan);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::unavailable);
  CHECK(failed.error().summary() ==
        "moving v2.6-lts (it names nothing; done: copied the image): 503");
  CHECK(story.prod.tagged("v2.6-lts") == std::nullopt);
  CHECK(story.prod.tagged(kBuild) == std::nullopt);

  story.prod.before_attach = nullptr;
  CHECK(REQUIRE_OK(story.carry_across(REQUIRE_OK(story.plan_across()))).moved);
}

TEST_CASE("what arrives damaged is found at the target, and the channel does not move") {
  TwoProjects story;
  const MovePlan plan = REQUIRE_OK(story.plan_across());
  story.prod.tamper = [](Artifact& artifact) {
    for (Blob& blob : artifact.blobs) blob.bytes.insert(1, " ");
  };
  const auto failed = story.carry_across(plan);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::mismatch);
  CHECK(failed.error().message().find("the gate signature does not pass there") !=
        std::string::npos);
  CHECK(story.prod.tagged("v2.6-lts") == std::nullopt);
}

TEST_CASE("an artifact that the target does not list is missed") {
  TwoProjects story;
  const MovePlan plan = REQUIRE_OK(story.plan_across());
  // A registry that takes a referrer and does not list it: an old proxy, or a lost fallback tag.
  const std::vector<Artifact> beside =
      REQUIRE_OK(story.repository.artifacts(story.first.descriptor.digest));
  const oci::Digest lost = beside.front().manifest.descriptor.digest;
  int attached = 0;
  story.prod.before_attach = [&](const Artifact&) -> Result<> {
    ++attached;
    story.prod.forget(lost);
    return {};
  };
  const auto failed = story.carry_across(plan);
  REQUIRE_FALSE(failed);
  CHECK(attached > 1);
  CHECK(failed.error().code() == Errc::mismatch);
  CHECK(failed.error().message().find(lost.to_string() + " is not listed") != std::string::npos);
}

TEST_CASE("a build tag that the target uses for another image is refused before anything is sent") {
  TwoProjects story;
  make_image(story.prod, kBuild, "2025-05-20T00:00:00Z", " of somebody else");
  const auto refused = story.plan_across();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(story.prod.writes.empty());
}

TEST_CASE("Harbor copies by itself where no other tag would come along") {
  TwoProjects story;
  story.make_harbors();
  SECTION("the channel of the source would come along: bytes are copied by hand") {
    const MoveResult result = REQUIRE_OK(story.carry_across(REQUIRE_OK(story.plan_across())));
    CHECK(did(result, "copied the image"));
    CHECK(story.prod.tagged("nightly") == std::nullopt);
  }
  SECTION("only the build tag does: the server copies, artifacts included") {
    const RawManifest second = story.image("v2.6.2");
    story.promote("nightly", second);  // the first image keeps its build tag alone
    const MovePlan plan =
        REQUIRE_OK(plan_promotion(story.policy, story.request("v2.6-lts"), story.repository,
                                  story.first.descriptor.digest, story.prod, story.tools(), {}));
    const MoveResult result = REQUIRE_OK(story.carry_across(plan));
    CHECK(did(result, "Harbor copied the image"));
    CHECK(story.prod.tagged("v2.6-lts") == story.first.descriptor.digest);
  }
  SECTION("the image is there already: what was attached since comes by hand") {
    const RawManifest second = story.image("v2.6.2");
    story.promote("nightly", second);
    REQUIRE_OK(
        story.prod.harbor_side.copy_from(story.repository.name(), story.first.descriptor.digest));
    REQUIRE_OK(story.repository.attach(
        story.trust.statement("ci", story.first.descriptor, predicate::kCycloneDx, "{}")));
    const MovePlan plan =
        REQUIRE_OK(plan_promotion(story.policy, story.request("v2.6-lts"), story.repository,
                                  story.first.descriptor.digest, story.prod, story.tools(), {}));
    const MoveResult result = REQUIRE_OK(story.carry_across(plan));
    CHECK(did(result, "Harbor copied the image"));
    CHECK(did(result, "copied 1 signature and statement"));
  }
}

TEST_CASE("legacy signatures that the target has already are not overwritten") {
  TwoProjects story;
  REQUIRE_OK(story.prod.copy_image(story.repository, story.first.descriptor, {}));
  const Artifact theirs = story.trust.legacy_signature("somebody", story.first.descriptor);
  REQUIRE_OK(story.prod.attach(theirs));
  const MoveResult result = REQUIRE_OK(story.carry_across(REQUIRE_OK(story.plan_across())));
  CHECK(result.moved);  // the bundle's signature is trusted
  CHECK(story.prod.tagged(theirs.tag->to_string()) == theirs.manifest.descriptor.digest);
  CHECK(did(result, "left " + theirs.tag->to_string() + " as r.example/prod/pytorch has it"));
}

TEST_CASE("signatures on an SBOM travel with the SBOM") {
  TwoProjects story;
  const Artifact sbom = story.trust.plain_sbom(story.first.descriptor);
  REQUIRE_OK(story.repository.attach(sbom));
  const oci::Descriptor& about = sbom.manifest.descriptor;
  REQUIRE_OK(story.repository.attach(story.trust.signature("ci", about)));
  REQUIRE_OK(story.carry_across(REQUIRE_OK(story.plan_across())));
  CHECK(story.prod.artifact_count(about.digest) == 1);
}
