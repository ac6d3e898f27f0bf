// Questions on the terminal of the person who runs the command.
#pragma once

#include <string>

#include "base/error.h"

namespace imgforge::cli {

/// A line typed without being shown. Errc::usage where there is no terminal to ask on.
Result<std::string> ask_secret(const std::string& question);

}  // namespace imgforge::cli
