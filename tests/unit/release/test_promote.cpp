#include "release/promote.h"

#include "catch.h"
#include "promotion_story.h"
#include "release/gate.h"
#include "release/history.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

const Channel kLts{.name = "v2.6-lts", .trust = "release"};

std::size_t records_beside(Story& story, const RawManifest& image) {
  const Beside beside =
      REQUIRE_OK(look_beside(story.repository, image.descriptor, "release", story.tools(), {}));
  return records_of(beside.verification, image.descriptor.digest, story.repository.name())
      .moves.size();
}

}  // namespace

TEST_CASE("promote moves the channel to the digest, with one manifest and one record") {
  for (const bool api : {true, false}) {
    Story story;
    story.repository.referrers_api = api;
    const RawManifest first = story.image("v2.6.1");
    story.promote("nightly", first);
    story.repository.writes.clear();

    const MovePlan plan = REQUIRE_OK(story.plan("v2.6-lts", first));
    CHECK(require_passed(plan.gates, "v2.6-lts"));
    CHECK_FALSE(plan.before);
    CHECK(story.repository.writes.empty());  // a plan only reads: this is all of a dry run
    CHECK(story.repository.tagged("v2.6-lts") == std::nullopt);

    const MoveResult result = REQUIRE_OK(story.carry_out(plan));
    CHECK(result.moved);
    CHECK(story.repository.tagged("v2.6-lts") == first.descriptor.digest);
    REQUIRE(story.repository.writes.size() == 2);
    CHECK(story.repository.writes[0].starts_with("attach "));
    CHECK(story.repository.writes[1] == "put v2.6-lts");  // the channel last
    CHECK(REQUIRE_OK(story.repository.manifest(first.descriptor.digest)).bytes == first.bytes);
    CHECK(records_beside(story, first) == 2);  // of nightly and of v2.6-lts

    const History history = REQUIRE_OK(read_history(story.repository, kLts, story.tools(), {}));
    REQUIRE(history.entries.size() == 1);
    CHECK(history.now_is_recorded);
    const PromotionRecord& record = history.entries[0].move.record;
    CHECK(record.who == "anna");
    CHECK(record.to == first.descriptor.digest);
    CHECK(record.gates == plan.gates);
    CHECK(record.policy == story.policy.digest());
    CHECK(record.build_tag == "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1");
  }
}

TEST_CASE("promoting what is there already sends nothing and succeeds") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  story.promote("nightly", first);
  story.repository.writes.clear();
  story.trust.signed_records = 0;
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", first));
  CHECK(plan.is_there());
  CHECK(steps_of(plan).front().starts_with("nothing: "));
  CHECK_FALSE(REQUIRE_OK(story.carry_out(plan)).moved);
  CHECK(story.repository.writes.empty());
  CHECK(story.trust.signed_records == 0);
}

TEST_CASE("a gate that fails is in the plan with its evidence, and nothing moves") {
  Story story;
  const RawManifest good = story.image("v2.6.1");
  const RawManifest bare = make_image(story.repository, "pytorch2.6-v2.6.9");
  const MovePlan plan = REQUIRE_OK(story.plan("v2.6-lts", bare));
  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message() ==
        "v2.6-lts stays as it is: the gates signature, sbom, provenance, probe, from-below did not "
        "pass");
  CHECK(story.repository.writes.empty());

  // Everything is there but the channel below.
  const MovePlan skipping = REQUIRE_OK(story.plan("v2.6-lts", good));
  CHECK(require_passed(skipping.gates, "v2.6-lts").error().message() ==
        "v2.6-lts stays as it is: the gate from-below did not pass");
}

TEST_CASE("an image that nightly has left may still go up: its record says that it was there") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2");
  story.promote("nightly", first);
  story.promote("nightly", second);
  CHECK(story.promote("v2.6-lts", first).moved);

  SECTION("and an older one may not follow") {
    const RawManifest older = story.image("v2.6.0");
    story.promote("nightly", older);
    const MovePlan plan = REQUIRE_OK(story.plan("v2.6-lts", older));
    CHECK(require_passed(plan.gates, "x").error().message() ==
          "x stays as it is: the gate not-older did not pass");
  }
  SECTION("not when a stranger wrote that record") {
    const RawManifest third = story.image("v2.6.3");
    const PromotionRecord forged{.channel = "nightly",
                                 .repository = story.repository.name(),
                                 .to = third.descriptor.digest,
                                 .who = "mallory",
                                 .when = story.clock};
    REQUIRE_OK(story.repository.attach(
        story.trust.statement("mallory", third.descriptor, kPromotionPredicate, to_json(forged))));
    const MovePlan plan = REQUIRE_OK(story.plan("v2.6-lts", third));
    CHECK_FALSE(require_passed(plan.gates, "v2.6-lts"));
  }
}

TEST_CASE("tampered and foreign signatures do not open a gate") {
  Story story;
  const RawManifest image = story.image("v2.6.1");
  SECTION("a changed payload") {
    story.repository.tamper = [](Artifact& artifact) {
      for (Blob& blob : artifact.blobs) blob.bytes.insert(1, " ");
    };
    const MovePlan plan = REQUIRE_OK(story.plan("nightly", image));
    CHECK(plan.gates[1].outcome == Outcome::failed);
    CHECK(plan.gates[1].found.find("a blob has another digest") != std::string::npos);
  }
  SECTION("another key") {
    story.trust.policies["release"] = {"owner"};
    const MovePlan plan = REQUIRE_OK(story.plan("nightly", image));
    CHECK(plan.gates[1].found == "signed by ci, which the trust policy release does not accept");
  }
  SECTION("a signature of another image") {
    const RawManifest other = make_image(story.repository, "pytorch2.6-v7");
    Artifact moved = story.trust.signature("ci", image.descriptor);
    // The same blob behind a manifest that claims another subject.
    const Artifact shell = story.trust.signature("ci", other.descriptor);
    moved.manifest = shell.manifest;
    story.repository.store_blob(moved.blobs[0].bytes);
    story.repository.store_manifest(shell.manifest);
    story.repository.tamper = [&](Artifact& artifact) { artifact.blobs = moved.blobs; };
    const MovePlan plan = REQUIRE_OK(story.plan("nightly", other));
    CHECK(plan.gates[1].outcome == Outcome::failed);
  }
  SECTION("a missing blob is evidence that is missing") {
    story.repository.before_fetch = [](const oci::Digest&) -> Result<> {
      return fail(Errc::not_found, "404: BLOB_UNKNOWN");
    };
    const MovePlan plan = REQUIRE_OK(story.plan("nightly", image));
    CHECK(plan.gates[1].found.find("cannot be read") != std::string::npos);
  }
  SECTION("a registry that does not answer is an error and no verdict") {
    story.repository.before_fetch = [](const oci::Digest&) -> Result<> {
      return fail(Errc::unavailable, "503");
    };
    const auto plan = story.plan("nightly", image);
    REQUIRE_FALSE(plan);
    CHECK(plan.error().code() == Errc::unavailable);
  }
}

TEST_CASE("somebody else is faster: between plan and execution") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2"),
                    third = story.image("v2.6.3");
  story.promote("nightly", first);
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", second));
  story.repository.set_tag("nightly", third.descriptor.digest);
  story.repository.writes.clear();

  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message() == "somebody else moved nightly in the meantime: it named " +
                                         first.descriptor.digest.to_string() + ", and names " +
                                         third.descriptor.digest.to_string());
  CHECK(story.repository.tagged("nightly") == third.descriptor.digest);
  CHECK(story.repository.writes.empty());
}

TEST_CASE("somebody else is faster: while the record is attached") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2"),
                    third = story.image("v2.6.3");
  story.promote("nightly", first);
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", second));
  const RawManifest* other = &third;
  story.repository.before_attach = [&](const Artifact&) -> Result<> {
    story.repository.set_tag("nightly", other->descriptor.digest);
    return {};
  };
  SECTION("to another image: refused, and the record is taken back") {
    const auto refused = story.carry_out(plan);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::refused);
    CHECK(story.repository.tagged("nightly") == third.descriptor.digest);
    CHECK(records_beside(story, second) == 0);
  }
  SECTION("where nothing can be deleted, history knows that the record is not in force") {
    story.repository.deletes = false;
    const auto refused = story.carry_out(plan);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().summary().find("the record stays, as one that is not in force") !=
          std::string::npos);
    CHECK(records_beside(story, second) == 1);
  }
  SECTION("to the same image: that is what was wanted") {
    other = &second;
    const MoveResult result = REQUIRE_OK(story.carry_out(plan));
    CHECK_FALSE(result.moved);
    CHECK(story.repository.tagged("nightly") == second.descriptor.digest);
    CHECK(records_beside(story, second) == 0);
  }
}

TEST_CASE("somebody else is faster: right after the move") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2");
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", first));
  story.repository.after_put = [&](const std::string& tag) -> Result<> {
    story.repository.set_tag(tag, second.descriptor.digest);
    return {};
  };
  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message().find("right after it was moved") != std::string::npos);
  CHECK(refused.error().message().find(second.descriptor.digest.to_string()) != std::string::npos);
  CHECK(records_beside(story, first) == 1);  // it happened, however short
}

TEST_CASE("the registry refuses the move: the channel stays and the record goes") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2");
  story.promote("nightly", first);
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", second));
  story.repository.before_put = [](const std::string&) -> Result<> {
    return fail(Errc::unavailable, "503: try later");
  };
  const auto failed = story.carry_out(plan);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::unavailable);
  CHECK(failed.error().summary() ==
        "moving nightly (it names " + first.descriptor.digest.to_string() +
            "; done: attached the signed record, took the record back): 503: try later");
  CHECK(story.repository.tagged("nightly") == first.descriptor.digest);
  CHECK(records_beside(story, second) == 0);

  story.repository.before_put = nullptr;  // and a second try goes through
  CHECK(story.promote("nightly", second).moved);
}

TEST_CASE("an answer that is lost after the move is a move") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  story.repository.after_put = [](const std::string&) -> Result<> {
    return fail(Errc::timed_out, "no answer");
  };
  const MoveResult result = REQUIRE_OK(story.carry_out(REQUIRE_OK(story.plan("nightly", first))));
  CHECK(result.moved);
  CHECK(records_beside(story, first) == 1);
}

TEST_CASE("a record that cannot be attached leaves the channel where it was") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", first));
  story.repository.before_attach = [](const Artifact&) -> Result<> {
    return fail(Errc::forbidden, "403: quota");
  };
  const auto failed = story.carry_out(plan);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::forbidden);
  CHECK(failed.error().summary().find("the record stays") == std::string::npos);
  CHECK(story.repository.tagged("nightly") == std::nullopt);
}

TEST_CASE("whoever cannot sign the record does not begin") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", first));
  SECTION("no key") {
    story.record_signer.clear();
    const auto failed = story.carry_out(plan);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == Errc::usage);
  }
  SECTION("a key that the trust policy does not accept") {
    story.record_signer = "mallory";
    const auto failed = story.carry_out(plan);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code() == Errc::refused);
  }
  CHECK(story.repository.writes.empty());
  CHECK(story.repository.tagged("nightly") == std::nullopt);
}

TEST_CASE("an interruption before the move leaves the channel where it was") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  const MovePlan plan = REQUIRE_OK(story.plan("nightly", first));
  std::stop_source source;
  source.request_stop();
  const auto stopped =
      carry_out(plan, story.repository, story.repository, story.tools(), source.get_token());
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code() == Errc::cancelled);
  CHECK(story.repository.tagged("nightly") == std::nullopt);
  CHECK(records_beside(story, first) == 0);
}

TEST_CASE("a channel that an immutability rule covers is refused by the rule's name") {
  Story story;
  story.repository.is_harbor = true;
  story.repository.immutable = {"v2*", "sha256-*"};
  const RawManifest first = story.image("v2.6.1");
  const auto refused = story.plan("v2.6-lts", first);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message() ==
        "immutability rule 7 makes v2.6-lts immutable in r.example/ml/pytorch");
  CHECK(story.plan("nightly", first));
}

TEST_CASE("Harbor's scan is asked where a gate wants it") {
  Story story;
  story.policy = REQUIRE_OK(ChannelPolicy::parse(
      "imgforge: 1\nchannels: {lts: {gates: {vulnerabilities: {at_most: low}, min_age: 1h}}}\n",
      "x"));
  const RawManifest first = story.image("v2.6.1");
  CHECK(REQUIRE_OK(story.plan("lts", first)).gates[5].outcome == Outcome::failed);
  story.repository.is_harbor = true;
  story.repository.harbor_side.scan = {
      .complete = true, .state = "Success", .worst = Severity::low};
  story.repository.harbor_side.push_time = base::Seconds{story.clock.value - 7200};
  const MovePlan plan = REQUIRE_OK(story.plan("lts", first));
  CHECK(plan.gates[5].outcome == Outcome::passed);
  CHECK(plan.gates[6].found == "2 hours, by Harbor's time of its push");
  CHECK(require_passed(plan.gates, "lts"));
}

TEST_CASE("an image that is not there is said with the nearest name") {
  Story story;
  story.image("v2.6.1");
  const auto missing =
      plan_promotion(story.policy, story.request("nightly"), story.repository,
                     REQUIRE_OK(oci::Tag::parse("pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2")),
                     story.repository, story.tools(), {});
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code() == Errc::not_found);
  CHECK(missing.error().hint() == "did you mean pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1?");
}

TEST_CASE("a trust policy that does not exist is an error, not an unsigned image") {
  Story story;
  story.trust.policies.clear();
  const auto failed = story.plan("nightly", story.image("v2.6.1"));
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code() == Errc::not_found);
}
