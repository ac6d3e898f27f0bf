// How bad a vulnerability is, in the order in which Harbor's scanners put it (Harbor 2.15:
// None < Unknown < Negligible < Low < Medium < High < Critical).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace imgforge::release {

enum class Severity : std::uint8_t { none, unknown, negligible, low, medium, high, critical };

inline constexpr std::array<std::string_view, 7> kSeverityNames = {
    "none", "unknown", "negligible", "low", "medium", "high", "critical"};

constexpr std::string_view to_string(Severity severity) {
  return kSeverityNames[static_cast<std::size_t>(severity)];
}

/// As policies write it, in lower case.
constexpr std::optional<Severity> parse_severity(std::string_view text) {
  for (std::size_t i = 0; i < kSeverityNames.size(); ++i) {
    if (kSeverityNames[i] == text) return static_cast<Severity>(i);
  }
  return std::nullopt;
}

}  // namespace imgforge::release
