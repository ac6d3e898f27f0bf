// What Harbor has now, of the sections that a policy manages.
#pragma once

#include <optional>
#include <stop_token>
#include <vector>

#include "harbor/client.h"
#include "harbor/policy.h"

namespace imgforge::harbor {

struct State {
  std::optional<Project> project;  // nullopt: it has to be made; the rest is empty then
  std::optional<Quota> quota;
  std::vector<ImmutableRule> immutable;
  std::optional<Retention> retention;
  std::vector<Robot> project_robots;
  std::vector<Robot> system_robots;
  std::vector<Label> labels;
  std::optional<Scanner> scanner;
  std::vector<Scanner> scanners;  // that the project could have
};

/// Only what the policy has sections for, so that no further rights are needed.
Result<State> read_state(const Client& client, const Policy& policy, std::stop_token stop = {});

}  // namespace imgforge::harbor
