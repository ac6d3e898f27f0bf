// Points in time as whole seconds since 1970 (UTC): the only time that an image contains.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::base {

struct Seconds {
  std::int64_t value = 0;
  auto operator<=>(const Seconds&) const = default;
};

/// The wall clock. For commands: what a build makes never depends on it.
Seconds now();

/// RFC 3339 with 'Z' or an offset; fractions are cut off. Also plain digits (SOURCE_DATE_EPOCH).
Result<Seconds> parse_time(std::string_view text);
/// "2025-05-20T00:00:00Z".
std::string format_time(Seconds time);

}  // namespace imgforge::base
