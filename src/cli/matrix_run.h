// Builds the cells of a matrix in this process, several at a time, in one store: a layer that cells
// share is built by the first of them, and the others wait for it and take it. A failed cell does
// not stop the others.
#pragma once

#include <optional>
#include <vector>

#include "build/build.h"
#include "build/matrix.h"
#include "cli/app.h"
#include "release/catalogue.h"

namespace imgforge::cli {

struct CellOutcome {
  std::size_t cell = 0;  // index of MatrixPlan::cells
  std::optional<build::BuiltImage> image;
  std::string repository;             // where it was pushed; else the image's name
  std::vector<std::string> evidence;  // a sentence each
  std::optional<Error> error;         // exactly one of image and error is set
};

/// In the file's order, the cells that are not ready with their reason. Options as of `imgforge
/// build`. A stop gives what was finished; the rest has Errc::cancelled.
Result<std::vector<CellOutcome>> run_cells(App& app, const build::MatrixPlan& plan,
                                           std::size_t parallel);

/// What was built, and why the rest was not.
release::Catalogue catalogue_of(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                                const std::vector<CellOutcome>& outcomes);

/// 0; the failed cells' exit code where they have the same; else 1.
int exit_code_of(const std::vector<CellOutcome>& outcomes);

}  // namespace imgforge::cli
