// Spans of time as policies write them and as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::release {

/// "90m", "24h", "7d", "2w": one whole number and its unit, in seconds. At most ten years.
Result<std::int64_t> parse_duration(std::string_view text);

/// The largest fitting unit, cut: "3 days", "1 hour", "2 years", "0 seconds".
std::string human_duration(std::int64_t seconds);

}  // namespace imgforge::release
