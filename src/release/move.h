// Moves a channel: a plan that only reads, then its execution. The plan holds every decision with
// its evidence, so that a dry run is a plan that is shown and dropped. Execution writes the channel
// last: until then a failure leaves it where it was.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "release/gather.h"
#include "release/record.h"

namespace imgforge::release {

struct MovePlan {
  Action action = Action::promote;
  Channel channel;
  std::string repository;  // where the channel is
  std::string source;      // where the image is; the same unless it has to travel
  RawManifest image;
  std::optional<BuildTag> build_tag;
  bool build_tag_is_there = false;    // in the channel's repository
  std::optional<oci::Digest> before;  // what the channel named when this was planned
  std::vector<GateResult> gates;
  std::vector<Artifact> artifacts;  // beside the image, at the source
  std::string policy;               // digest of the channel policy
  std::string who, reason;
  base::Seconds now;

  bool is_there() const { return before == image.descriptor.digest; }
  bool travels() const { return source != repository; }
};

struct MoveResult {
  bool moved = false;             // false: the channel named the image already
  std::vector<std::string> done;  // one sentence per thing done, in order
};

/// What carry_out() would do, one sentence each.
std::vector<std::string> steps_of(const MovePlan& plan);

/// Does it. `source` and `target` may be one object. Nothing is sent when the channel is there.
///
/// Errc::refused: a gate failed (nothing was done), the signer of the record is not trusted, or
/// somebody moved the channel since the plan was made or right after it was moved (facts "expected"
/// and "found"). Errc::mismatch: what arrived in another repository does not verify. In every error
/// a context frame says what was done and where the channel is.
///
/// Between the last look at the channel and its move lies one request: registries offer no
/// conditional write, so a second mover in that moment is seen afterwards and not prevented.
Result<MoveResult> carry_out(const MovePlan& plan, Repository& source, Repository& target,
                             const Tools& tools, std::stop_token stop);

}  // namespace imgforge::release
