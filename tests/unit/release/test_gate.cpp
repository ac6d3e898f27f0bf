#include "release/gate.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;
const base::Seconds kNow{1'750'000'000};

base::Seconds ago(std::int64_t seconds) { return {kNow.value - seconds}; }

BuildTag tag_of(const std::string& build, const std::string& pytorch = "2.6") {
  return REQUIRE_OK(
      BuildTag::make({.pytorch = pytorch, .cuda = "11.8", .os = "ubuntu20.04", .build = build}));
}

oci::Descriptor image_of(const std::string& content) {
  return {.media_type = oci::media_type::kManifest,
          .digest = oci::Digest::of(content),
          .size = content.size()};
}

// Asks for everything.
Channel strict_channel() {
  Channel channel{.name = "v2.6-lts", .kind = "lts", .from = "v2.6-gpu", .trust = "keys"};
  channel.gates.build_tag =
      BuildTagGate{.parts = {"pytorch", "cuda"}, .values = {{"pytorch", "2.6"}}};
  channel.gates.is_signed = true;
  channel.gates.sbom = SbomGate{};
  channel.gates.provenance = ProvenanceGate{};
  channel.gates.provenance->builders.push_back(REQUIRE_OK(Pattern::parse("https://ci.example/**")));
  channel.gates.probe = ProbeGate{.max_age = 7 * kDay, .gpus = {"8.0", "9.0"}};
  channel.gates.vulnerabilities =
      VulnerabilityGate{.at_most = Severity::medium, .max_scan_age = 7 * kDay};
  channel.gates.min_age = kDay;
  return channel;
}

ProbeReport report_of(const std::string& gpu, std::int64_t age) {
  return {.passed = true,
          .owner = "nobody",
          .gpus = {{"NVIDIA Test", gpu}},
          .driver = "550.54.15",
          .when = ago(age),
          .signer = "ci",
          .trusted = true};
}

// Passes everything.
Candidate good_candidate() {
  Candidate candidate{
      .image = image_of("new"), .build_tag = tag_of("v2.6.2"), .created = ago(2 * kDay)};
  candidate.verification.satisfied = true;
  candidate.verification.signatures = {{"owner", "cosign", true}, {"owner", "bundle", true}};
  candidate.sboms = {{"spdx", "ci", true}, {"cyclonedx", "ci", true}};
  candidate.provenances = {{"https://ci.example/job/1", ago(3 * kDay), "ci", true}};
  candidate.probes = {report_of("8.0", kDay), report_of("9.0", 2 * kDay)};
  candidate.vulnerabilities =
      VulnerabilitySummary{.complete = true,
                           .state = "Success",
                           .worst = Severity::medium,
                           .counts = {{Severity::medium, 2}, {Severity::low, 5}},
                           .fixable = 1,
                           .scanned = ago(kHour),
                           .scanner = "Trivy v0.63"};
  candidate.since = Since{ago(2 * kDay), "the record of its coming to v2.6-gpu"};
  candidate.below = {.is_there_now = true, .now = candidate.image.digest};
  return candidate;
}

ChannelState old_state() {
  return {.now = image_of("old"), .build_tag = tag_of("v2.6.1"), .created = ago(30 * kDay)};
}

GateResult result_of(const std::string& gate, const Channel& channel, const Candidate& candidate,
                     const ChannelState& state = old_state()) {
  for (GateResult& one : judge(channel, candidate, state, kNow)) {
    if (one.gate == gate) return one;
  }
  FAIL("no gate " << gate);
  return {};
}

// Changes a candidate or a channel that would pass, and says what the gate finds then.
template <class Change>
std::string found_when(const std::string& gate, Outcome expected, Change change) {
  Channel channel = strict_channel();
  Candidate candidate = good_candidate();
  ChannelState state = old_state();
  change(channel, candidate, state);
  const GateResult result = result_of(gate, channel, candidate, state);
  CHECK(result.outcome == expected);
  CHECK_FALSE(result.found.empty());
  CHECK(result.remedy.empty() == (expected != Outcome::failed));
  return result.found;
}

}  // namespace

#define CHANGE [&](Channel & channel, Candidate & candidate, ChannelState & state)
#define UNUSED (void)channel, (void)candidate, (void)state

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

TEST_CASE("gate: signature") {
  const auto failing = [](auto change) { return found_when("signature", Outcome::failed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {};
        }) == "not signed");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.reason = "1 of 2 signatures",
                                    .signatures = {{"stranger", "cosign", false}}};
        }) == "signed by stranger, which the trust policy keys does not accept: 1 of 2 signatures");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.problems = {"a signature does not verify"}};
        }) == "not signed; a signature does not verify");
  // A verifier that is satisfied by nothing does not satisfy the gate.
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.verification = {.satisfied = true};
        }) == "not signed");
  // A trusted provenance is no signature.
  CHECK(
      failing(CHANGE {
        UNUSED;
        candidate.verification = {.attestations = {{predicate::kProvenance, "{}", "owner", true}}};
      }) == "not signed");
}

TEST_CASE("gate: SBOM") {
  const auto failing = [](auto change) { return found_when("sbom", Outcome::failed, change); };
  const auto passing = [](auto change) { return found_when("sbom", Outcome::passed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.sboms.clear();
        }) == "an SBOM missing");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.sboms = {{"spdx", "", false}};
        }) == "an SBOM missing; spdx there, not signed by a trusted key");
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.sbom->formats = {"spdx", "cyclonedx"};
          candidate.sboms = {{"spdx", "ci", true}};
        }) == "cyclonedx missing");
  CHECK(passing(CHANGE {
          UNUSED;
          channel.gates.sbom->is_signed = false;
          candidate.sboms = {{"spdx", "", false}};
        }) == "spdx");
  CHECK(passing(CHANGE {
          UNUSED;
          candidate.sboms = {{"spdx", "", false}, {"spdx", "ci", true}};
        }) == "spdx, signed");
}

TEST_CASE("gate: provenance") {
  const auto failing = [](auto change) {
    return found_when("provenance", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances.clear();
        }) == "none");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances[0].trusted = false;
        }) == "signed by ci, whom the trust policy keys does not accept");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances[0].builder = "https://laptop";
        }) == "built by https://laptop, which the policy does not accept");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.provenances.clear();
          candidate.problems = {"a provenance cannot be read"};
        }) == "none; a provenance cannot be read");
  CHECK(found_when(
            "provenance", Outcome::passed, CHANGE {
              UNUSED;
              channel.gates.provenance->builders.clear();
              candidate.provenances[0].builder = "anything";
            }) == "built by anything, signed by ci");
}

TEST_CASE("gate: probe") {
  const auto failing = [](auto change) { return found_when("probe", Outcome::failed, change); };
  const auto passing = [](auto change) { return found_when("probe", Outcome::passed, change); };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes.pop_back();
        }) == "no trusted report from a GPU of 9.0");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].trusted = false;
        }) == "no trusted report from a GPU of 8.0");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].when = ago(8 * kDay);
        }) ==
        "passed on NVIDIA Test (8.0), driver 550.54.15, 8 days ago, and may be 7 days old at most");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes[0].when = ago(-kHour);
        }).find("which is in the future") != std::string::npos);
  // Clocks of machines differ by seconds.
  passing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(-10);
  });
  // Exactly as old as allowed.
  passing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(7 * kDay);
  });
  failing(CHANGE {
    UNUSED;
    candidate.probes[0].when = ago(7 * kDay + 1);
  });
  // A report without a GPU proves nothing.
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.probe->gpus.clear();
          candidate.probes = {report_of("8.0", kDay)};
          candidate.probes[0].gpus.clear();
        }) == "no trusted report from a GPU");
  CHECK(passing(CHANGE {
          UNUSED;
          channel.gates.probe->gpus.clear();
          candidate.probes = {report_of("7.5", kDay)};
        }) == "passed on NVIDIA Test (7.5), driver 550.54.15, 1 day ago");
  // The newest word about the image counts: a failure that is its fault after a pass, and a pass
  // after such a failure.
  const auto failure = [](const std::string& owner, std::int64_t age) {
    ProbeReport report = report_of("8.0", age);
    report.passed = false;
    report.owner = owner;
    report.sentence = "libcudnn.so.9 is missing";
    return report;
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.probes.push_back(failure("image", kHour));
        }) ==
        "failed on NVIDIA Test (8.0), driver 550.54.15, 1 hour ago: libcudnn.so.9 is missing");
  passing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("image", 2 * kDay));
  });
  // A broken host says nothing about the image.
  passing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("host", kHour));
  });
  passing(CHANGE {
    UNUSED;
    candidate.probes.push_back(failure("hardware", kHour));
  });
}

TEST_CASE("gate: vulnerabilities") {
  const auto failing = [](auto change) {
    return found_when("vulnerabilities", Outcome::failed, change);
  };
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.vulnerabilities.reset();
        }) == "unknown: the registry has no scanner");
  CHECK(found_when(
            "vulnerabilities", Outcome::skipped, CHANGE {
              UNUSED;
              candidate.vulnerabilities.reset();
              channel.gates.vulnerabilities->skip_without_scanner = true;
            }) == "the registry has no scanner, which the policy accepts");
  // That leave is for registries without a scanner, not for images that were not scanned.
  CHECK(failing(CHANGE {
          UNUSED;
          channel.gates.vulnerabilities->skip_without_scanner = true;
          candidate.vulnerabilities = VulnerabilitySummary{.state = "not scanned"};
        }) == "unknown: the scan is not scanned");
  CHECK(failing(CHANGE {
          UNUSED;
          candidate.vulnerabilities->worst = Severity::critical;
          candidate.vulnerabilities->counts[Severity::critical] = 1;
        }) ==
        "1 critical, 2 medium, 5 low (1 fixable), Trivy v0.63, 1 hour ago; the ceiling is medium");
  // Counts above the severity that the summary claims are believed.
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->counts[Severity::high] = 1;
  });
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->scanned = ago(8 * kDay);
  });
  failing(CHANGE {
    UNUSED;
    candidate.vulnerabilities->scanned.reset();
  });
  CHECK(found_when(
            "vulnerabilities", Outcome::passed, CHANGE {
              UNUSED;
              channel.gates.vulnerabilities->max_scan_age.reset();
              candidate.vulnerabilities =
                  VulnerabilitySummary{.complete = true, .state = "Success"};
            }) == "no vulnerabilities");
  for (std::size_t ceiling = 0; ceiling < kSeverityNames.size(); ++ceiling) {
    for (std::size_t worst = 0; worst < kSeverityNames.size(); ++worst) {
      found_when(
          "vulnerabilities", worst <= ceiling ? Outcome::passed : Outcome::failed, CHANGE {
            UNUSED;
            channel.gates.vulnerabilities->at_most = static_cast<Severity>(ceiling);
            candidate.vulnerabilities->counts.clear();
            candidate.vulnerabilities->worst = static_cast<Severity>(worst);
          });
    }
  }
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
