// A matrix for people and for programs: its plan, its locks, what became of its cells.
#pragma once

#include <string>
#include <vector>

#include "build/matrix.h"
#include "cli/matrix_run.h"

namespace imgforge::cli {

struct LockedCell {
  const build::CellPlan* cell;
  std::string file;    // of the lock; empty: none
  std::string what;    // "locked", "unchanged", "failed", "excluded", …
  std::string reason;  // may be empty
};

std::string plan_text(const build::MatrixPlan& plan);
std::string plan_json(const spec::Matrix& matrix, const build::MatrixPlan& plan);
std::string locked_text(const std::vector<LockedCell>& cells);
std::string locked_json(const std::vector<LockedCell>& cells);
std::string outcomes_text(const build::MatrixPlan& plan, const std::vector<CellOutcome>& outcomes);
std::string outcomes_json(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                          const std::vector<CellOutcome>& outcomes);

}  // namespace imgforge::cli
