// What the cells of a matrix are, before anything is built: which can be, why the others cannot,
// which layers several of them have, and who makes those first.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/matrix_stages.h"
#include "build/plan.h"
#include "spec/image_spec.h"
#include "spec/lock.h"
#include "spec/matrix.h"

namespace imgforge::build {

enum class CellStanding {
  excluded,    // by the file
  impossible,  // by the compatibility table
  unlocked,    // there is no lock
  stale,       // the lock belongs to other content, or contradicts the spec
  ready,
};
std::string_view to_string(CellStanding standing);

struct CellPlan {
  spec::MatrixCell cell;
  std::string address;  // "specs/x.matrix.yaml#CELL", as commands take it
  CellStanding standing = CellStanding::ready;
  std::string reason;                 // why it is not ready
  std::string remedy;                 // may be empty
  std::vector<std::string> warnings;  // of the compatibility table
  std::optional<spec::ImageSpec> spec;
  std::optional<Plan> plan;  // of a ready cell

  bool wanted() const {
    return standing != CellStanding::excluded && standing != CellStanding::impossible;
  }
};

struct SharedLayer {
  store::LayerKey key;
  std::string id;
  std::string title;
  std::uint64_t bytes = 0;  // as layer::Recipe::estimated_bytes
  bool executed = false;
  bool waited_for = false;         // worth a stage of its own
  std::vector<std::size_t> cells;  // indexes of MatrixPlan::cells
  std::size_t maker = 0;           // the cell that makes it first, where it is waited for
};

struct MatrixPlan {
  std::vector<CellPlan> cells;  // all, in the file's order
  std::vector<SharedLayer> shared;
  std::vector<std::size_t> stage;               // per cell; 0 for those that are not ready
  std::vector<std::vector<std::size_t>> needs;  // per cell
  std::size_t stages = 0;
  std::size_t made_twice = 0;       // see Stages
  std::size_t layers = 0;           // distinct layers of all ready cells
  std::size_t layers_of_cells = 0;  // the same, each counted in every cell that has it
};

/// Reads specs, locks and local project files. `only`: names of cells; empty: all. Errc::invalid
/// when a cell's spec is wrong, or two cells would have the same name in a registry.
Result<MatrixPlan> plan_matrix(const spec::Matrix& matrix, const std::vector<std::string>& only,
                               const std::vector<std::string>& layer_paths,
                               std::size_t most_stages);

/// What the compatibility table says of a spec's `components`, before anything is resolved: the
/// first error as standing, reason and remedy, and all warnings.
void judge(const spec::ImageSpec& spec, CellPlan& cell);

}  // namespace imgforge::build
