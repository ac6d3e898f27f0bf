// The locked part of a layer of kind `wheels`: which wheels, for which Python, and what was found
// in them. Canonical JSON; the format is described in docs/formats/wheels.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "layer/facts.h"
#include "sources/sources.h"

namespace imgforge::layer {

struct WheelsPart {
  std::string python;    // minor version, "3.11"
  std::string glibc;     // of the target, "2.36"
  std::string prefix;    // "/opt/venv"
  std::string resolver;  // "uv 0.9.3"
  /// The project's file that the requirements came from (requirements_file, pylock), and the sha256
  /// of its text with "\n" line ends.
  struct File {
    std::string path;
    std::string sha256;
    bool operator==(const File&) const = default;
  };
  std::optional<File> requirements_file;
  std::vector<sources::LockedWheel> wheels;  // sorted by project
  std::vector<Component> components;         // read from the wheels; without source
};

std::string format_wheels_part(const WheelsPart& part);
Result<WheelsPart> parse_wheels_part(const std::string& text);

}  // namespace imgforge::layer
