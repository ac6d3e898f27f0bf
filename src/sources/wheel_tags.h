// Which wheel fits a target best: file names of wheels (binary distribution format, "File name
// convention") and the tags that a target accepts, most specific first, in the order of
// packaging.tags.sys_tags() (PEP 425, PEP 600).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sources/sources.h"

namespace imgforge::sources {

/// PEP 503: lower case, runs of '-', '_' and '.' become one '-'.
std::string normalized_project(std::string_view name);

struct WheelName {
  std::string project;            // normalised
  std::string version;            // as the file name has it
  std::string build;              // "1", "2abc"; may be empty
  std::vector<std::string> tags;  // "cp311-cp311-manylinux_2_17_x86_64", all combinations

  /// invalid when `file_name` is not that of a wheel.
  static Result<WheelName> parse(std::string_view file_name);
};

class WheelTags {
 public:
  /// CPython on Linux with glibc. invalid for a version that is none.
  static Result<WheelTags> for_target(const PythonTarget& target);
  const std::vector<std::string>& all() const { return ordered_; }
  /// 0 is the best; nullopt: the wheel does not run there.
  std::optional<std::size_t> rank(const WheelName& wheel) const;
  /// The index of the best of `file_names`: by rank, then the higher build number, then the name;
  /// nullopt when none runs there. Names that are not those of wheels are skipped.
  std::optional<std::size_t> best(std::span<const std::string> file_names) const;

 private:
  std::vector<std::string> ordered_;
  std::map<std::string, std::size_t, std::less<>> rank_;
};

/// The platform tags alone: "manylinux_2_36_x86_64" … "manylinux1_x86_64", "linux_x86_64".
std::vector<std::string> platform_tags(const std::string& machine, unsigned glibc_minor);

}  // namespace imgforge::sources
