// What never belongs into an image although programs leave it there: traces of the machine that
// built it, secrets that every image must not share, caches with times and inode numbers, locks and
// backups. One table, a reason for each row; applied to every layer that a program has made.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"

namespace imgforge::layer {

enum class ScrubWhere {
  everywhere,  // whatever made the layer
  bootstrap,   // left by the bootstrapping tool only
};

struct ScrubRow {
  std::string_view pattern;  // sandbox::CaptureRule
  sandbox::CaptureRule::Action action;
  ScrubWhere where;
  std::string_view reason;
};

/// Changing the table changes layers: increment kScrubRevision, which is part of their keys.
inline constexpr int kScrubRevision = 1;
std::span<const ScrubRow> scrub_table();

std::vector<sandbox::CaptureRule> scrub_rules(ScrubWhere where);

/// Errc::invalid with advice for a file that can neither stay (it differs from build to build) nor
/// be dropped silently (programs need it).
Result<> check_reproducible(std::string_view path);

}  // namespace imgforge::layer
