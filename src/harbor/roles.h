// The least rights of what a team's robots do, as Harbor's pairs of resource and action (the
// permission matrix of Harbor 2.12 to 2.15).
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace imgforge::harbor {

using Access = std::set<std::pair<std::string, std::string>>;

/// developer: pulls and reads evidence. ci: also pushes, signs and starts scans. promoter: also
/// copies between projects, labels and moves channels; deletes tags, never artifacts.
std::vector<std::string_view> role_names();
/// Errc::invalid for another name.
Result<Access> access_of_role(std::string_view role);

/// Whether a robot of a project can have this right.
bool is_right(const std::string& resource, const std::string& action);
std::vector<std::string_view> resources();
std::vector<std::string_view> actions_of(const std::string& resource);

}  // namespace imgforge::harbor
