#include "gate_cases.h"

using namespace gate_cases;

TEST_CASE("an image with everything passes every gate, and each says why") {
  const auto gates = judge(strict_channel(), good_candidate(), old_state(), kNow);
  std::string text;
  for (const GateResult& gate : gates) {
    text += gate.gate + ": " + std::string(to_string(gate.outcome)) + ": " + gate.found + "\n";
  }
  CHECK(text ==
        "build-tag: passed: pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2\n"
        "signature: passed: signed by owner (bundle), owner (cosign)\n"
        "sbom: passed: cyclonedx, spdx, signed\n"
        "provenance: passed: built by https://ci.example/job/1, signed by ci\n"
        "probe: passed: passed on NVIDIA Test (8.0), driver 550.54.15, 1 day ago; passed on NVIDIA "
        "Test (9.0), driver 550.54.15, 2 days ago\n"
        "vulnerabilities: passed: 2 medium, 5 low (1 fixable), Trivy v0.63, 1 hour ago\n"
        "minimum-age: passed: 2 days, by the record of its coming to v2.6-gpu\n"
        "from-below: passed: v2.6-gpu names it now\n"
        "not-older: passed: v2.6.2 after v2.6.1\n");
  CHECK(require_passed(gates, "v2.6-lts"));
}

TEST_CASE("an image without any evidence fails every gate that asks, and each says what to do") {
  const Candidate nothing{.image = image_of("new")};
  const auto gates = judge(strict_channel(), nothing, old_state(), kNow);
  CHECK(gates.size() == 9);
  for (const GateResult& gate : gates) {
    INFO(gate.gate << ": " << gate.found);
    CHECK(gate.outcome == Outcome::failed);
    CHECK_FALSE(gate.found.empty());
    CHECK_FALSE(gate.remedy.empty());
  }
  const auto refused = require_passed(gates, "v2.6-lts");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message() ==
        "v2.6-lts stays as it is: the gates build-tag, signature, sbom, provenance, probe, "
        "vulnerabilities, minimum-age, from-below, not-older did not pass");
  CHECK(refused.error().facts().size() == 9);
}

TEST_CASE("what a policy does not ask for is skipped and said to be") {
  Channel open{.name = "nightly"};
  open.gates.not_older = false;
  const auto gates = judge(open, {.image = image_of("new")}, old_state(), kNow);
  CHECK(gates.size() == 9);
  for (const GateResult& gate : gates) {
    INFO(gate.gate);
    CHECK(gate.outcome == Outcome::skipped);
    CHECK_FALSE(gate.found.empty());
  }
  CHECK(require_passed(gates, "nightly"));
}

TEST_CASE("gate: build tag") {
  const auto failing = [](auto change) { return found_when("build-tag", Outcome::failed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.build_tag.reset();
        }) == "no build tag names this image");
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.build_tag->parts = {"arch"};
        }) == "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2 does not say its arch");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.build_tag = tag_of("v2.7.0", "2.7");
        }) == "pytorch2.7-cuda11.8-ubuntu20.04-v2.7.0 has pytorch 2.7, and v2.6-lts is for 2.6");
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.build_tag->values = {{"python", "3.11"}};
        }) ==
        "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2 has python nothing, and v2.6-lts is for 3.11");
}

TEST_CASE("gate: minimum age") {
  const auto failing = [](auto change) {
    return found_when("minimum-age", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.since.reset();
        }) == "unknown: nothing trusted says how long the image exists");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.since = Since{ago(2 * kHour), "Harbor"};
        }) == "2 hours, by Harbor; 1 day are asked for");
  failing(CHANGE {
    UNUSED;
    candidate.since = Since{ago(-kHour), "Harbor"};
  });
  failing(CHANGE {
    UNUSED;
    candidate.since = Since{ago(kDay - 1), "Harbor"};
  });
  found_when(
      "minimum-age", Outcome::passed, CHANGE {
        UNUSED;
        candidate.since = Since{ago(kDay), "Harbor"};
      });
}

TEST_CASE("gate: from below") {
  const auto failing = [](auto change) {
    return found_when("from-below", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.below = {};
        }) == "there is no v2.6-gpu");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.below = {.now = oci::Digest::of("other")};
        }) == "v2.6-gpu names " + oci::Digest::of("other").short_hex() +
                  ", and no trusted record says that it was here");
  CHECK(found_when(
            "from-below", Outcome::passed, CHANGE {
              UNUSED;
              candidate.below = {.was_there = PromotionRecord{.to = candidate.image.digest,
                                                              .who = "anna",
                                                              .when = ago(kDay)}};
            }) == "v2.6-gpu came to it on 2025-06-14T15:06:40Z, by anna");
  CHECK(found_when(
            "from-below", Outcome::skipped, CHANGE {
              UNUSED;
              channel.from.clear();
            }) == "no channel is below this one");
}

TEST_CASE("gate: not older") {
  const auto failing = [](auto change) { return found_when("not-older", Outcome::failed, change); };
  const auto passing = [](auto change) { return found_when("not-older", Outcome::passed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          state.build_tag = tag_of("v2.6.10");
        }) == "v2.6.2 is older than v2.6.10, which the channel has");
  CHECK(passing(CHANGE {
          UNUSED;
          state = {};
        }) == "the channel is new");
  CHECK(passing(CHANGE {
          UNUSED;
          state.now = candidate.image;
        }) == "the channel names it already");
  // Without build tags on both sides the time of creation decides.
  CHECK(passing(CHANGE {
          UNUSED;
          candidate.build_tag.reset();
        }).starts_with("created "));
  failing(CHANGE {
    UNUSED;
    candidate.build_tag.reset();
    candidate.created = ago(31 * kDay);
  });
  // The same build id for other components: the time decides as well.
  passing(CHANGE {
    UNUSED;
    state.build_tag = tag_of("v2.6.2", "2.5");
  });
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.build_tag.reset();
          candidate.created.reset();
        }) == "unknown: the image says neither build tag nor time of creation");
  CHECK(failing(CHANGE {
          UNUSED;
          state.build_tag.reset();
          state.created.reset();
        }) == "unknown: what the channel has says neither build tag nor time of creation");
}

TEST_CASE("a way back asks for a signature and for having been there") {
  const PromotionRecord record{.to = image_of("new").digest, .who = "anna", .when = ago(3 * kDay)};
  const auto good = judge_rollback(strict_channel(), good_candidate(), record, kNow);
  CHECK(good.size() == 10);
  CHECK(require_passed(good, "v2.6-lts"));
  CHECK(good[0].found == "in v2.6-lts by anna, 3 days ago");
  CHECK_FALSE(require_passed(judge_rollback(strict_channel(), good_candidate(), std::nullopt, kNow),
                             "v2.6-lts"));
  CHECK_FALSE(require_passed(
      judge_rollback(strict_channel(), {.image = image_of("new")}, record, kNow), "v2.6-lts"));
}
