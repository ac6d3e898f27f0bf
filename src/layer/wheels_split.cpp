#include "layer/wheels_split.h"

#include <algorithm>
#include <tuple>

namespace imgforge::layer {

namespace {

constexpr const char* kRest = "deps";

std::vector<WheelGroup> split_by_size(std::span<const sources::LockedWheel> wheels) {
  std::vector<std::size_t> heavy;
  for (std::size_t i = 0; i < wheels.size(); ++i) {
    if (wheels[i].input.size >= kHeavyWheel) heavy.push_back(i);
  }
  if (heavy.size() >= kMostWheelLayers) {
    // The smallest of them join the rest.
    std::stable_sort(heavy.begin(), heavy.end(), [&](std::size_t a, std::size_t b) {
      return wheels[a].input.size > wheels[b].input.size;
    });
    heavy.resize(kMostWheelLayers - 1);
  }
  // CUDA libraries change least often, so they lie lowest.
  std::sort(heavy.begin(), heavy.end(), [&](std::size_t a, std::size_t b) {
    const bool other_a = !wheels[a].project.starts_with("nvidia-");
    const bool other_b = !wheels[b].project.starts_with("nvidia-");
    return std::tie(other_a, wheels[a].project, a) < std::tie(other_b, wheels[b].project, b);
  });
  std::vector<WheelGroup> groups;
  std::vector<bool> taken(wheels.size());
  for (const std::size_t i : heavy) {
    groups.push_back({wheels[i].project, {i}});
    taken[i] = true;
  }
  WheelGroup rest{kRest, {}};
  for (std::size_t i = 0; i < wheels.size(); ++i) {
    if (!taken[i]) rest.wheels.push_back(i);
  }
  groups.push_back(std::move(rest));
  return groups;
}

std::vector<WheelGroup> split_by_rules(std::span<const sources::LockedWheel> wheels,
                                       std::span<const SplitRule> rules) {
  std::vector<WheelGroup> groups;
  for (const SplitRule& rule : rules) groups.push_back({rule.name, {}});
  groups.push_back({kRest, {}});
  for (std::size_t i = 0; i < wheels.size(); ++i) {
    const auto rule = std::find_if(rules.begin(), rules.end(), [&](const SplitRule& one) {
      return one.match.matches(wheels[i].project, /*is_directory=*/false);
    });
    groups[static_cast<std::size_t>(rule - rules.begin())].wheels.push_back(i);
  }
  return groups;
}

}  // namespace

std::vector<WheelGroup> split_wheels(std::span<const sources::LockedWheel> wheels,
                                     std::span<const SplitRule> rules) {
  auto groups = rules.empty() ? split_by_size(wheels) : split_by_rules(wheels, rules);
  std::erase_if(groups, [](const WheelGroup& group) { return group.wheels.empty(); });
  return groups;
}

}  // namespace imgforge::layer
