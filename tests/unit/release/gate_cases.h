// A channel that asks for everything, an image that has everything, and one change at a time.
#pragma once

#include <string>

#include "catch.h"
#include "release/gate.h"

namespace gate_cases {

using namespace imgforge;
using namespace imgforge::release;

inline constexpr std::int64_t kHour = 3600, kDay = 24 * kHour;
inline const base::Seconds kNow{1'750'000'000};

inline base::Seconds ago(std::int64_t seconds) { return {kNow.value - seconds}; }

inline BuildTag tag_of(const std::string& build, const std::string& pytorch = "2.6") {
  return REQUIRE_OK(
      BuildTag::make({.pytorch = pytorch, .cuda = "11.8", .os = "ubuntu20.04", .build = build}));
}

inline oci::Descriptor image_of(const std::string& content) {
  return {.media_type = oci::media_type::kManifest,
          .digest = oci::Digest::of(content),
          .size = content.size()};
}

// Asks for everything.
inline Channel strict_channel() {
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

inline ProbeReport report_of(const std::string& gpu, std::int64_t age) {
  return {.passed = true,
          .owner = "nobody",
          .gpus = {{"NVIDIA Test", gpu}},
          .driver = "550.54.15",
          .when = ago(age),
          .signer = "ci",
          .trusted = true};
}

// Passes everything.
inline Candidate good_candidate() {
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

inline ChannelState old_state() {
  return {.now = image_of("old"), .build_tag = tag_of("v2.6.1"), .created = ago(30 * kDay)};
}

inline GateResult result_of(const std::string& gate, const Channel& channel,
                            const Candidate& candidate, const ChannelState& state = old_state()) {
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

}  // namespace gate_cases

#define CHANGE [&](Channel & channel, Candidate & candidate, ChannelState & state)
#define UNUSED (void)channel, (void)candidate, (void)state
