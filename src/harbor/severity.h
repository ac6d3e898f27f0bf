// How bad a vulnerability is, in Harbor's order: None < Unknown < Negligible < Low < Medium < High
// < Critical (Harbor 2.15, pkg/scan/vuln).
#pragma once

#include <optional>
#include <string_view>

namespace imgforge::harbor {

enum class Severity { none, unknown, negligible, low, medium, high, critical };

/// Lower case, as policies and a project's metadata write it.
std::string_view to_string(Severity severity);
/// In any case; nullopt for another word.
std::optional<Severity> parse_severity(std::string_view text);

}  // namespace imgforge::harbor
