// What apt's words mean for the caller, as a function of its output.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::sources {

/// From the E: lines (or W: lines when there are none) of a run that failed. mismatch: a signature;
/// not_found: a package, a version, a suite; unavailable: the archive; invalid: requirements that
/// cannot be met together; io: anything else. `doing` is for the sentence ("apt-get update").
Error apt_error(std::string_view doing, std::string_view output);

}  // namespace imgforge::sources
