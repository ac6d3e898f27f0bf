// The gates, one function each: what gate.h puts in order.
#pragma once

#include "release/gate.h"

namespace imgforge::release::gate {

/// Clocks of machines differ; evidence from so many seconds ahead is not yet from the future.
inline constexpr std::int64_t kClockSkew = 300;

GateResult build_tag(const Channel& channel, const Candidate& candidate);
GateResult signature(const Channel& channel, const Candidate& candidate);
GateResult sbom(const Channel& channel, const Candidate& candidate);
GateResult provenance(const Channel& channel, const Candidate& candidate);
GateResult probe(const Channel& channel, const Candidate& candidate, base::Seconds now);
GateResult vulnerabilities(const Channel& channel, const Candidate& candidate, base::Seconds now);
GateResult minimum_age(const Channel& channel, const Candidate& candidate, base::Seconds now);
GateResult from_below(const Channel& channel, const Candidate& candidate);
GateResult not_older(const Channel& channel, const Candidate& candidate, const ChannelState& state);

}  // namespace imgforge::release::gate
