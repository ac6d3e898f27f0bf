// Which of two build ids is the newer one, and which comes next. Runs of digits count as numbers:
// v2.6.9 < v2.6.10. An id that continues another comes after it: v2.6 < v2.6.1 < v2.6.1_rc1.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::release {

/// A total order: ids that differ only in leading zeros are ordered by their text.
std::strong_ordering compare_build_ids(std::string_view a, std::string_view b);

/// What stands around the last number of an id: all ids of one series differ there alone
/// ("v2.6." and "" for v2.6.1, "v1_rc" and "b" for v1_rc4b).
struct BuildSeries {
  std::string before;
  std::string after;
  bool operator==(const BuildSeries&) const = default;
};
BuildSeries series_of(std::string_view build_id);

/// The last number plus one, as wide as it was: v2.6.9 -> v2.6.10, v2025.01.09 -> v2025.01.10.
/// Errc::invalid when the id would be longer than an id may be.
Result<std::string> next_build_id(std::string_view build_id);

}  // namespace imgforge::release
