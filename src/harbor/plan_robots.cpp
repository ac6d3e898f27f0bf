#include <algorithm>

#include "base/text.h"
#include "base/time.h"
#include "harbor/plan_parts.h"

namespace imgforge::harbor {
namespace {

constexpr std::int64_t kSoon = 14 * 24 * 3600;  // seconds: time to plan a renewal

std::string text(const Permission& permission) {
  std::vector<std::string> rights;
  for (const auto& [resource, action] : permission.access)
    rights.push_back(resource + ":" + action);
  return permission.scope + " (" + base::join(rights, " ") + ")";
}

std::vector<Permission> sorted(std::vector<Permission> permissions) {
  std::sort(permissions.begin(), permissions.end());
  return permissions;
}

/// What changes, in words; both sides empty when nothing does.
struct Difference {
  std::vector<std::string> before, after;
  void add(const char* what, const std::string& now, const std::string& wanted) {
    if (now == wanted) return;
    before.push_back(std::string(what) + " " + now);
    after.push_back(std::string(what) + " " + wanted);
  }
};

std::string days(std::int64_t count) {
  return count < 0 ? "never" : std::to_string(count) + " days";
}

/// Rights that one has and the other has not, by project.
void compare_rights(const Robot& now, const Robot& wanted, Difference& difference) {
  const auto only = [](const std::vector<Permission>& of, const std::vector<Permission>& without) {
    std::vector<std::string> out;
    for (const Permission& permission : of) {
      Permission rest = permission;
      for (const Permission& other : without) {
        if (other.kind != permission.kind || other.scope != permission.scope) continue;
        for (const auto& right : other.access) rest.access.erase(right);
      }
      if (!rest.access.empty()) out.push_back(text(rest));
    }
    return base::join(out, ", ");
  };
  const std::string lost = only(now.permissions, wanted.permissions);
  const std::string gained = only(wanted.permissions, now.permissions);
  if (!lost.empty()) difference.before.push_back("may " + lost);
  if (!gained.empty()) difference.after.push_back("may " + gained);
}

Difference compare(const Robot& now, const Robot& wanted) {
  Difference difference;
  difference.add("description", now.description, wanted.description);
  difference.add("expires", days(now.days), days(wanted.days));
  difference.add("state", now.disabled ? "disabled" : "enabled",
                 wanted.disabled ? "disabled" : "enabled");
  compare_rights(now, wanted, difference);
  return difference;
}

std::string expiry_note(const Robot& robot, base::Seconds now) {
  if (!robot.expires) return {};
  const std::string date = base::format_time(*robot.expires).substr(0, 10);
  if (robot.expires->value <= now.value) return "expired on " + date + ": renew it";
  if (robot.expires->value - now.value < kSoon) return "expires on " + date;
  return {};
}

Robot as_wanted(const Policy& policy, const RobotPolicy& wanted) {
  return {.name = robot_login(policy, wanted.name, wanted.system),
          .description = wanted.description,
          .system = wanted.system,
          .days = wanted.days,
          .disabled = wanted.disabled,
          .permissions = sorted(wanted.permissions)};
}

Change plan_one(const Policy& policy, const RobotPolicy& wanted, const std::vector<Robot>& existing,
                const PlanOptions& options) {
  Robot robot = as_wanted(policy, wanted);
  Change change{.kind = wanted.system ? "robot of the system" : "robot", .name = robot.name};
  const auto found = std::find_if(existing.begin(), existing.end(),
                                  [&](const Robot& one) { return one.name == robot.name; });
  if (found == existing.end()) {
    change.action = Action::create;
    std::vector<std::string> may;
    for (const Permission& permission : robot.permissions) may.push_back(text(permission));
    change.after = "expires " + days(robot.days) + ", may " + base::join(may, ", ");
    change.step = CreateRobot{std::move(robot), wanted.name};
    return change;
  }
  robot.id = found->id;
  robot.expires = found->expires;
  const Difference difference = compare(*found, robot);
  change.before = base::join(difference.before, ", ");
  change.after = base::join(difference.after, ", ");
  change.note = expiry_note(*found, options.now);
  if (options.renew.contains(wanted.name)) {
    change.action = Action::update;
    change.after += change.after.empty() ? "another secret" : ", another secret";
    change.note = robot.days == kForever ? "" : "made anew: its days count from now";
    change.step = RenewRobot{std::move(robot), wanted.name};
  } else if (!difference.before.empty() || !difference.after.empty()) {
    change.action = Action::update;
    change.step = UpdateRobot{std::move(robot)};
  }
  return change;
}

}  // namespace

Result<> plan_robots(const Policy& policy, const State& state, const PlanOptions& options,
                     Draft& draft) {
  std::set<std::string> unknown = options.renew;
  if (policy.robots) {
    for (const RobotPolicy& wanted : *policy.robots) {
      unknown.erase(wanted.name);
      draft.add(Rank::robots,
                plan_one(policy, wanted, wanted.system ? state.system_robots : state.project_robots,
                         options));
    }
    // Robots of the system belong to others too: only those of the project can be superfluous.
    for (const Robot& robot : state.project_robots) {
      const bool wanted =
          std::any_of(policy.robots->begin(), policy.robots->end(), [&](const RobotPolicy& one) {
            return !one.system && robot_login(policy, one.name, false) == robot.name;
          });
      if (wanted) continue;
      Change change{.action = Action::keep,
                    .kind = "robot",
                    .name = robot.name,
                    .note = expiry_note(robot, options.now)};
      if (policy.prune) {
        change.action = Action::remove;
        change.step = DeleteRobot{robot.id, robot.name};
      }
      draft.add(Rank::remove, std::move(change));
    }
  }
  if (unknown.empty()) return {};
  return fail(
      Error(Errc::not_found, "the policy has no robot \"" + *unknown.begin() + "\" to renew")
          .hint("name it as the policy does, without robot$ and project"));
}

}  // namespace imgforge::harbor
