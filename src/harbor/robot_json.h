// The JSON of robot accounts (Harbor 2.12 to 2.15). No error of this codec quotes a document: those
// of new robots hold secrets.
#pragma once

#include <string>
#include <vector>

#include "harbor/types.h"

namespace imgforge::harbor {

Result<std::vector<Robot>> read_robots(const std::vector<std::string>& pages);
/// `name` without prefix and project; Harbor puts them before it.
std::string new_robot_json(const Robot& robot, const std::string& name);
/// By its login; a name cannot change.
std::string robot_update_json(const Robot& robot);
/// The answer to a new robot.
Result<RobotSecret> read_new_robot(std::string_view json);
/// The answer to a renewed secret; the name is the caller's to fill in.
Result<RobotSecret> read_new_secret(std::string_view json);

}  // namespace imgforge::harbor
