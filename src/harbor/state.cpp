#include "harbor/state.h"

#include <algorithm>

namespace imgforge::harbor {
namespace {

bool has_system_robot(const Policy& policy) {
  return policy.robots && std::any_of(policy.robots->begin(), policy.robots->end(),
                                      [](const RobotPolicy& robot) { return robot.system; });
}

}  // namespace

Result<State> read_state(const Client& client, const Policy& policy, std::stop_token stop) {
  State state;
  state.project = TRY(client.project(policy.project, stop));
  if (has_system_robot(policy)) state.system_robots = TRY(client.system_robots(stop));
  if (!state.project) return state;
  const Project& project = *state.project;
  if (policy.quota) state.quota = TRY(client.quota(project, stop));
  if (policy.immutable) state.immutable = TRY(client.immutable_rules(project.name, stop));
  if (policy.retention) state.retention = TRY(client.retention(project, stop));
  if (policy.robots) state.project_robots = TRY(client.project_robots(project, stop));
  if (policy.labels) state.labels = TRY(client.labels(project, stop));
  if (policy.scanning && !policy.scanning->scanner.empty()) {
    state.scanner = TRY(client.project_scanner(project.name, stop));
    state.scanners = TRY(client.scanners(project.name, stop));
  }
  return state;
}

}  // namespace imgforge::harbor
