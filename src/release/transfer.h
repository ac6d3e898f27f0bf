// Brings an image and everything beside it into another repository, and verifies there what
// arrived.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "release/move.h"

namespace imgforge::release {

/// Adds a sentence to `done` for each thing done. Server-side where Harbor offers it and no tag of
/// another image would move with it. Errc::mismatch when the target has other bytes, lacks an
/// artifact, or the gates on signatures and statements do not pass there.
Result<> transfer(const MovePlan& plan, Repository& source, Repository& target, const Tools& tools,
                  std::vector<std::string>& done, std::stop_token stop);

}  // namespace imgforge::release
