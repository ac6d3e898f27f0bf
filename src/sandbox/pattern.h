// Path patterns of CaptureRule: '*', '?' and '[...]' within one part, "**" for any number of parts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::sandbox {

class Pattern {
 public:
  explicit Pattern(std::string_view text);
  /// Matches the whole path (no leading slash).
  bool matches(std::string_view path) const;

 private:
  std::vector<std::string> parts_;
};

}  // namespace imgforge::sandbox
