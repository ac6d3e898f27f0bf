// Programs that the child runs: their output goes to the child's standard error, where the parent
// reads it line by line; their standard input is empty.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"

namespace imgforge::sandbox {

/// The environment of every step (layer-sources.md 4.3), with `added` on top.
std::map<std::string, std::string> fixed_environment(
    base::Seconds epoch, const std::map<std::string, std::string>& added);

/// Runs to the end; the exit code, or 128 + signal number.
Result<int> spawn(const std::vector<std::string>& argv,
                  const std::map<std::string, std::string>& environment);

/// As spawn, in new pid, net, ipc and uts namespaces with a /proc of their own: no network, and
/// nothing outlives the program.
Result<int> spawn_isolated(const std::vector<std::string>& argv,
                           const std::map<std::string, std::string>& environment);

}  // namespace imgforge::sandbox
