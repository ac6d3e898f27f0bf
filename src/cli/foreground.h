// A program that has this terminal for itself until it ends: an interactive container. Its standard
// streams are this process's, and so is its exit code.
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::cli {

/// argv[0] by PATH. Keys like ^C reach the program alone; a stop request is passed on as SIGTERM.
/// The exit code, or 128 + signal number. Errc::not_found: there is no such program.
Result<int> run_in_foreground(const std::vector<std::string>& argv, std::stop_token stop);

/// Whether both ends of a conversation are a terminal.
bool is_interactive();

}  // namespace imgforge::cli
