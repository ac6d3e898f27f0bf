// A new pin in the text of .imgforge.yaml: the values change where they stand, and comments, order
// and everything else stay as people wrote them.
#pragma once

#include <string>
#include <string_view>

#include "env/contract.h"

namespace imgforge::env {

/// `file` is the name in errors. Errc::unsupported, with what to do, for a layout that cannot be
/// edited in place; what comes out always parses to that pin.
Result<std::string> with_pin(std::string_view text, const Pin& pin, const std::string& file);

/// The text of a new .imgforge.yaml, with comments for whoever reads it first.
std::string new_contract(const std::string& repository_name);

}  // namespace imgforge::env
