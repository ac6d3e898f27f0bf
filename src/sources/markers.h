// Environment markers (PEP 508, and PEP 751 for `extras` and `dependency_groups`), evaluated for a
// target machine and not for the one that we run on.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sources/sources.h"

namespace imgforge::sources {

/// Marker variables of CPython on Linux. "3.11" without a patch number is taken as 3.11.0, as uv
/// does.
std::map<std::string, std::string> marker_environment(const PythonTarget& target);

/// invalid for text that is no marker; unsupported for a variable that the environment does not
/// fix (platform_release, platform_version).
Result<bool> evaluate_marker(std::string_view marker,
                             const std::map<std::string, std::string>& environment);

/// "x86_64" for "amd64", "aarch64" for "arm64": names of uname.
std::string machine_of(const std::string& architecture);

}  // namespace imgforge::sources
