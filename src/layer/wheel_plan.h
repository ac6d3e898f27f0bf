// Where the files of one wheel go: a pure function from what was read of the wheel to the list of
// files to install. The rules are those of the "Binary distribution format", with the choices that
// docs/formats/wheels.md explains.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "layer/wheel_contents.h"

namespace imgforge::layer {

struct InstallOptions {
  std::string prefix = "/opt/venv";  // absolute
  std::string python = "3.11";       // minor version: names lib/pythonX.Y
  bool requested = false;            // writes REQUESTED
};

struct InstallEntry {
  static constexpr std::uint32_t kGenerated = UINT32_MAX;

  std::string path;  // as in a tar: "opt/venv/lib/python3.11/site-packages/torch/__init__.py"
  bool executable = false;
  std::uint32_t member = kGenerated;  // index into the wheel's members, or kGenerated
  std::string text;                   // the content of a generated file
  /// Of the content. nullopt only for the signatures of RECORD, which nothing promises.
  std::optional<base::Sha256Value> sha256;
};

struct WheelPlan {
  std::vector<InstallEntry> entries;    // sorted by path, no path twice
  std::vector<std::uint32_t> unplaced;  // members that are verified and not installed
};

/// Errc::invalid for an unknown *.data folder, a path that would replace the interpreter, two
/// different files of this wheel for one path.
Result<WheelPlan> plan_wheel(const WheelContents& wheel, const InstallOptions& options);

}  // namespace imgforge::layer
