// A layer blob as a tree for overlay. Whiteouts become overlay's form; owners, modes, times, file
// capabilities and user attributes are kept; device nodes are left out (a step has its own /dev).
// Must run inside the namespace in which the tree will be used.
#pragma once

#include <string>

#include "base/error.h"

namespace imgforge::sandbox {

/// Fills the existing empty folder `tree`. Never writes outside of it: no path is followed through
/// a link (Errc::invalid when one would be).
Result<> unpack_layer(const std::string& blob, const std::string& tree);

}  // namespace imgforge::sandbox
