// The table of commands as one JSON document: what docs/reference/commands.md, the manual pages and
// the tests of the documentation are made from, so that none of them is written a second time.
#pragma once

#include <string>

namespace imgforge::cli {

/// `imgforge help --json`: commands in the order of the overview with their options, the options of
/// all commands, and the exit code of every kind of error (docs/reference/json.md).
std::string reference_json();

}  // namespace imgforge::cli
