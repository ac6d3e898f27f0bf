// A command in one option, split as a shell would, and nothing else a shell would do.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::cli {

/// At blanks; '…' and "…" keep them, a backslash the next character (not within '…'). Errc::usage:
/// an open quote.
Result<std::vector<std::string>> split_words(std::string_view text);

}  // namespace imgforge::cli
