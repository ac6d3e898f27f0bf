// In which order the cells of a matrix are built when every cell is a job of its own, on a machine
// of its own: layers that several cells share are made by one of them, and the others start when it
// is done. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace imgforge::build {

/// A layer that several cells have.
struct SharedWork {
  std::vector<std::size_t> cells;  // ascending
  std::uint64_t weight = 0;        // what it costs to make it: more is made earlier
};

struct Stages {
  std::vector<std::size_t> stage;               // per cell, from 0
  std::vector<std::vector<std::size_t>> needs;  // per cell: the cells whose layers it waits for
  std::vector<std::size_t> maker;               // per shared layer
  std::size_t count = 0;
  std::size_t made_twice = 0;  // shared layers that several jobs make because of `most_stages`
};

/// `most_stages`: cells of later stages move into the last one; 0: as many as it takes.
Stages arrange(std::size_t cells, const std::vector<SharedWork>& shared, std::size_t most_stages);

}  // namespace imgforge::build
