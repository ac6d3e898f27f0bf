// A matrix: one file under specs/ that stands for many images. Axes with their values, a spec in
// which
// ${axis} is replaced, and the combinations that nobody wants, each with its reason. Expanding
// reads the file and nothing else. Format: docs/reference/matrix.md.
//
// A cell is addressed like a spec, "specs/torch.matrix.yaml#CELL", by every command that takes one;
// its lock is "specs/torch.matrix.CELL.lock.json".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "document/node.h"

namespace imgforge::spec {

/// "FILE#CELL" as its two halves; a word without "#" after .yaml, .yml or .json has no cell.
struct SpecAddress {
  std::string file;
  std::string cell;  // may be empty
};
SpecAddress parse_address(const std::string& text);

struct MatrixCell {
  std::string name;                                           // "torch2.6.0-cuda12.4-debian12"
  std::vector<std::pair<std::string, std::string>> position;  // axis -> value, in the file's order
  std::string excluded;                                       // the file's reason; empty: wanted
  std::optional<document::Node> spec;                         // set unless excluded
};

/// What the jobs of a pipeline need to know, beyond the cells.
struct MatrixJobs {
  std::vector<std::string> options;  // of `imgforge build`, as written
  std::string image;                 // a container image that has imgforge
  std::string claim;                 // Kubernetes: PersistentVolumeClaim with the project
  std::string secret;                // Kubernetes: Secret whose keys become environment variables
  std::string registry_secret;       // Kubernetes: Secret of type kubernetes.io/dockerconfigjson
  /// Layers from this size on are waited for rather than built by several jobs at once.
  std::uint64_t share_from = 16'000'000;
};

struct Matrix {
  std::string file;
  std::string name;
  std::vector<std::string> axes;
  std::vector<MatrixCell> cells;  // the first axis varies slowest
  MatrixJobs jobs;
};

Result<Matrix> load_matrix(const std::string& file);

/// The spec of one cell. not_found suggests the nearest; Errc::refused for an excluded one.
Result<document::Node> load_cell(const SpecAddress& address);

}  // namespace imgforge::spec
