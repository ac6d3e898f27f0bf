#include "build/matrix_stages.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

namespace imgforge::build {
namespace {

// Cells whose unmade layers are the heaviest first; then as they stand in the file.
std::vector<std::size_t> by_weight(std::size_t cells, const std::vector<SharedWork>& shared) {
  std::vector<std::uint64_t> weight(cells, 0);
  for (const SharedWork& work : shared) {
    for (const std::size_t cell : work.cells) weight[cell] += work.weight;
  }
  std::vector<std::size_t> order(cells);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return weight[a] > weight[b]; });
  return order;
}

}  // namespace

Stages arrange(std::size_t cells, const std::vector<SharedWork>& shared, std::size_t most_stages) {
  std::vector<std::vector<std::size_t>> layers_of(cells);
  for (std::size_t i = 0; i < shared.size(); ++i) {
    for (const std::size_t cell : shared[i].cells) layers_of[cell].push_back(i);
  }
  Stages stages{.stage = std::vector<std::size_t>(cells, 0),
                .needs = std::vector<std::vector<std::size_t>>(cells),
                .maker = std::vector<std::size_t>(shared.size(), 0)};
  std::vector<std::optional<std::size_t>> made(shared.size());  // by a cell of an earlier stage
  std::vector<std::size_t> left = by_weight(cells, shared);
  while (!left.empty()) {
    const bool last = most_stages != 0 && stages.count + 1 == most_stages;
    std::vector<std::optional<std::size_t>> making(shared.size());
    std::set<std::size_t> twice;
    std::vector<std::size_t> waiting;
    for (const std::size_t cell : left) {
      const auto& layers = layers_of[cell];
      const bool taken = std::any_of(layers.begin(), layers.end(),
                                     [&](std::size_t i) { return making[i].has_value(); });
      if (taken && !last) {
        waiting.push_back(cell);
        continue;
      }
      stages.stage[cell] = stages.count;
      std::set<std::size_t> needs;
      for (const std::size_t i : layers) {
        if (made[i]) {
          needs.insert(*made[i]);
        } else if (making[i]) {
          twice.insert(i);
        } else {
          making[i] = cell;
          stages.maker[i] = cell;
        }
      }
      stages.needs[cell].assign(needs.begin(), needs.end());
    }
    for (std::size_t i = 0; i < shared.size(); ++i) {
      if (making[i]) made[i] = making[i];
    }
    stages.made_twice += twice.size();
    left = std::move(waiting);
    ++stages.count;
  }
  return stages;
}

}  // namespace imgforge::build
