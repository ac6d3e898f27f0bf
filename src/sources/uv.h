// The uv program: where it is.
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::sources {

/// The words that start uv: the one in `tools_directory`, the one on PATH, or "python3 -m uv".
/// not_found with the command that installs it.
Result<std::vector<std::string>> find_uv(const std::string& tools_directory);

}  // namespace imgforge::sources
