#include <algorithm>

#include "base/text.h"
#include "harbor/names.h"
#include "harbor/policy_sections.h"
#include "harbor/roles.h"

namespace imgforge::harbor {

using document::Fields;
using document::Node;

namespace {

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::string meant(std::string_view word, const std::vector<std::string_view>& known) {
  const auto near = base::nearest(word, known);
  std::vector<std::string> names(known.begin(), known.end());
  return (near ? "did you mean " + quote(*near) + "? " : "") +
         "possible are: " + base::join(names, ", ");
}

/// {repository: [pull, push], tag: [list]}
Result<Access> read_access(const Node& node) {
  if (!node.is_map()) return fail(node.error("\"access\" must be a map: resource: [action, ...]"));
  Access access;
  for (const auto& [resource, actions] : node.entries()) {
    const auto known = actions_of(resource.text());
    if (known.empty()) {
      return fail(resource.error("robots have no rights to " + quote(resource.text()))
                      .hint(meant(resource.text(), resources())));
    }
    if (!actions.is_sequence() || actions.items().empty()) {
      return fail(actions.is_null() ? resource.error("which actions?")
                                    : actions.error("the actions must be a list"));
    }
    for (const Node& action : actions.items()) {
      if (!action.is_scalar() || !is_right(resource.text(), action.text())) {
        return fail(action.error("there is no such right to " + quote(resource.text()))
                        .hint(meant(action.is_scalar() ? action.text() : "", known)));
      }
      access.emplace(resource.text(), action.text());
    }
  }
  if (access.empty()) return fail(node.error("a robot needs a right"));
  return access;
}

std::int64_t read_days(Fields& fields) {
  const std::string text = fields.text("days");
  if (text == "never") return kForever;
  const auto days = base::parse_uint(text);
  constexpr std::uint64_t kMost = 36'500;
  if (!days || *days < 1 || *days > kMost) {
    fields.reject("days", quote(text) + " is no number of days",
                  "after how many days its secret ends, counted from its creation; or never");
    return kForever;
  }
  return static_cast<std::int64_t>(*days);
}

Result<RobotPolicy> read_robot_policy(const Node& node, const std::string& project) {
  Fields fields(node, "the robot");
  RobotPolicy robot;
  robot.name = fields.text("name");
  if (!robot.name.empty() && !is_robot_name(robot.name)) {
    fields.reject("name", quote(robot.name) + " cannot be the name of a robot",
                  "without robot$ and project: lower case letters, digits, single '.', '_', '-' "
                  "between them");
  }
  robot.description = fields.text_or("description", "");
  robot.days = read_days(fields);
  robot.disabled = fields.flag_or("disabled", false);
  const auto projects = fields.texts_or_empty("projects");
  robot.system = fields.has("projects");
  for (const std::string& name : projects) {
    if (name != "*" && !is_project_name(name)) {
      fields.reject("projects", quote(name) + " cannot be the name of a project");
    }
  }
  if (robot.system && projects.empty()) fields.reject("projects", "a robot needs a project");
  Access access;
  const auto given = fields.optional_node("access");
  const std::string role = fields.choice_or("role", {"developer", "ci", "promoter"}, "");
  if (given && fields.has("role")) {
    fields.reject("access", "\"role\" and \"access\" exclude each other");
  } else if (given) {
    access = TRY(read_access(*given));
  } else if (!role.empty()) {
    access = TRY(access_of_role(role));
  } else {
    fields.text("role");  // records that it is missing
  }
  TRY(fields.finish());
  if (robot.system) {
    for (const std::string& name : projects) robot.permissions.push_back({"project", name, access});
    std::sort(robot.permissions.begin(), robot.permissions.end());
  } else {
    robot.permissions.push_back({"project", project, access});
  }
  return robot;
}

}  // namespace

Result<std::vector<RobotPolicy>> read_robots_section(Fields& policy, const std::string& project) {
  std::vector<RobotPolicy> robots;
  for (const Node& node : policy.maps_or_empty("robots")) {
    robots.push_back(TRY(read_robot_policy(node, project)));
    const RobotPolicy& robot = robots.back();
    const auto same = std::count_if(robots.begin(), robots.end(), [&](const RobotPolicy& other) {
      return other.name == robot.name && other.system == robot.system;
    });
    if (same > 1) return fail(node.error("the robot " + quote(robot.name) + " stands here twice"));
  }
  return robots;
}

}  // namespace imgforge::harbor
