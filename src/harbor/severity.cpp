#include "harbor/severity.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace imgforge::harbor {
namespace {

constexpr std::array<std::string_view, 7> kNames = {"none",   "unknown", "negligible", "low",
                                                    "medium", "high",    "critical"};

}  // namespace

std::string_view to_string(Severity severity) { return kNames[static_cast<std::size_t>(severity)]; }

std::optional<Severity> parse_severity(std::string_view text) {
  const auto found = std::find(kNames.begin(), kNames.end(), base::to_lower(text));
  if (found == kNames.end()) return std::nullopt;
  return static_cast<Severity>(found - kNames.begin());
}

}  // namespace imgforge::harbor
