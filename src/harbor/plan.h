// The difference between what a policy wants and what Harbor has, as a list of changes in the order
// in which they are safe: the project, what protects it, who may use it, what deletes, what locks
// out, and what is taken away. A pure function: the same policy and state give the same plan, and
// the state after it gives an empty one.
#pragma once

#include <set>
#include <string>
#include <variant>
#include <vector>

#include "harbor/state.h"

namespace imgforge::harbor {

enum class Action {
  none,  // as wanted
  create,
  update,
  remove,
  keep,  // not in the policy, and without `prune` left alone
};
std::string_view to_string(Action action);

// What apply does for one change. An id of 0 means: make it.
struct CreateProject {
  bool is_public = false;
};
struct SetMetadata {
  std::map<std::string, std::string> values;
};
struct SetQuota {
  std::int64_t limit = kUnlimited;
};
struct SetScanner {
  std::string name;
};
struct PutLabel {
  Label label;
};
struct DeleteLabel {
  Label label;
};
struct PutRule {
  ImmutableRule rule;
};
struct DeleteRule {
  std::int64_t id = 0;
};
struct PutRetention {
  Retention retention;
};
struct CreateRobot {
  Robot robot;  // its name is the login that Harbor will give
  std::string short_name;
};
struct UpdateRobot {
  Robot robot;
};
/// Another secret: by a PATCH for a robot that never expires; else the robot is made anew, because
/// Harbor counts a robot's days from its creation.
struct RenewRobot {
  Robot robot;
  std::string short_name;
};
struct DeleteRobot {
  std::int64_t id = 0;
  std::string name;
};
using Step = std::variant<std::monostate, CreateProject, SetMetadata, SetQuota, SetScanner,
                          PutLabel, DeleteLabel, PutRule, DeleteRule, PutRetention, CreateRobot,
                          UpdateRobot, RenewRobot, DeleteRobot>;

struct Change {
  Action action = Action::none;
  std::string kind;    // "immutability rule"
  std::string name;    // "tags v*.*.* in **"
  std::string before;  // empty: there was nothing
  std::string after;
  std::string note;  // what whoever reads this has to know; may be empty
  Step step;

  bool changes() const { return action != Action::none && action != Action::keep; }
};

struct Plan {
  std::string project;
  std::vector<Change> changes;  // with those that change nothing
  bool empty() const;
  /// Whether a SecretSink will be needed.
  bool makes_secrets() const;
};

struct PlanOptions {
  base::Seconds now;            // for robots that have expired
  std::set<std::string> renew;  // names (without prefix) of robots that get another secret
};

/// Errc::not_found for a scanner or a robot to renew that is not there; refused where Harbor would
/// not take the result; forbidden for a quota that cannot be read.
Result<Plan> make_plan(const Policy& policy, const State& state, const PlanOptions& options);

}  // namespace imgforge::harbor
