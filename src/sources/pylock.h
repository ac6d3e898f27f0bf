// pylock.toml (PEP 751, lock-version 1.0), read for one target: what uv writes and what a user
// brings.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sources/sources.h"

namespace imgforge::sources {

struct PylockWheel {
  std::string file_name;
  std::string url;  // may be empty
  std::string sha256;
  std::optional<std::uint64_t> size;
};

struct PylockPackage {
  std::string project;  // normalised
  std::string version;
  std::string index;  // URL as the file names it; may be empty
  std::vector<PylockWheel> wheels;
  bool has_sdist = false;
};

/// The packages whose markers hold for the target, in the order of the file. invalid for a file
/// that is not a pylock; unsupported for another lock-version, another environment or Python, and
/// for packages from version control, folders or plain archives. Errors name `document`.
Result<std::vector<PylockPackage>> parse_pylock(std::string_view text, const std::string& document,
                                                const PythonTarget& target);

/// The versions of an older lock as a pylock.toml that uv takes as preferences ("name==version"
/// each).
std::string pylock_of_preferences(const std::vector<std::string>& pins);

}  // namespace imgforge::sources
