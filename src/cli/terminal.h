// Questions on the terminal of the person who runs the command.
#pragma once

#include <stop_token>
#include <string>

#include "base/error.h"

namespace imgforge::cli {

/// A line typed without being shown. Errc::usage where there is no terminal to ask on.
Result<std::string> ask_secret(const std::string& question, std::stop_token stop = {});

/// Whether there is somebody to ask.
bool has_terminal();
/// A question that is answered with "y" or "yes"; everything else is no. Errc::usage as above.
Result<bool> confirm(const std::string& question, std::stop_token stop = {});

}  // namespace imgforge::cli
