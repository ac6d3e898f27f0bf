// The sections of a plan; plan.cpp puts them in order.
#pragma once

#include "harbor/plan.h"

namespace imgforge::harbor {

/// Lower first.
enum class Rank {
  project,
  tighten,  // private, quota
  labels,
  scanning,
  protection,
  robots,
  retention,
  lock,  // content trust, ceiling, and what opens the project
  remove,
};

class Draft {
 public:
  void add(Rank rank, Change change) { ranked_.emplace_back(rank, std::move(change)); }
  std::vector<Change> in_order() &&;

 private:
  std::vector<std::pair<Rank, Change>> ranked_;
};

void plan_rules(const Policy& policy, const State& state, Draft& draft);
Result<> plan_retention(const Policy& policy, const State& state, Draft& draft);
Result<> plan_robots(const Policy& policy, const State& state, const PlanOptions& options,
                     Draft& draft);

}  // namespace imgforge::harbor
