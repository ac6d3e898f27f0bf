// Whether an image may enter a channel. Pure: a policy, what is known, and the time in; one result
// per gate out, in a fixed order, whether the policy asks for it or not.
#pragma once

#include <vector>

#include "release/channel_policy.h"
#include "release/evidence.h"

namespace imgforge::release {

/// All nine gates: build-tag, signature, sbom, provenance, probe, vulnerabilities, minimum-age,
/// from-below, not-older.
std::vector<GateResult> judge(const Channel& channel, const Candidate& candidate,
                              const ChannelState& state, base::Seconds now);

/// The gates of a way back: the image must be signed as the channel asks, and the gate was-there
/// must find it in the channel's past. The others are skipped: they were for the way in.
std::vector<GateResult> judge_rollback(const Channel& channel, const Candidate& candidate,
                                       const std::optional<PromotionRecord>& was_there,
                                       base::Seconds now);

/// Errc::refused naming the gates that failed; a fact per gate.
Result<> require_passed(const std::vector<GateResult>& gates, const std::string& channel);

}  // namespace imgforge::release
