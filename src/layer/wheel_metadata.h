// The documents in a wheel's dist-info that installing it needs: WHEEL, the beginning of METADATA,
// and entry_points.txt. Sources: packaging.python.org "Binary distribution format", "Core metadata
// specifications", "Entry points specification".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::layer {

struct WheelInfo {
  unsigned major = 1;
  unsigned minor = 0;
  bool root_is_purelib = true;
};

/// Refuses a Wheel-Version whose major number is not 1 (Errc::unsupported).
Result<WheelInfo> parse_wheel_info(std::string_view text, const std::string& name);

struct WheelMetadata {
  std::string name;
  std::string version;
  std::string requires_python;  // a specifier set, may be empty
};

Result<WheelMetadata> parse_wheel_metadata(std::string_view text, const std::string& name);

/// One launcher: `name` in bin calls `attribute` of `module`.
struct EntryPoint {
  std::string name;
  std::string module;     // "pkg.cli"
  std::string attribute;  // "main", "App.run"
  bool operator==(const EntryPoint&) const = default;
};

/// The console_scripts and gui_scripts, in this order; extras are dropped. Refused: names that are
/// no file name, names of the interpreter (python, python3, …), values that are not
/// MODULE:ATTRIBUTE, two different targets for one name.
Result<std::vector<EntryPoint>> parse_entry_points(std::string_view text, const std::string& name);

/// "python", "python3", "pythonw3.11", "pyvenv.cfg", …: what a wheel may not put into bin.
bool is_interpreter_name(std::string_view name);

}  // namespace imgforge::layer
