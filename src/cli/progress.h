// The three ways in which long work shows itself: live lines on a terminal, plain lines in a log,
// JSON events for programs.
#pragma once

#include <cstdio>
#include <memory>
#include <string>

#include "base/error.h"
#include "base/progress.h"

namespace imgforge::cli {

/// "auto" (terminal if `stream` is one, else plain), "terminal", "plain", "json", "none".
Result<std::unique_ptr<base::Progress>> make_progress(const std::string& mode, std::FILE* stream,
                                                      bool colour);

}  // namespace imgforge::cli
