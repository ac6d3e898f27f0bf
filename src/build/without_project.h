// A spec and its lock where the project's files are not: what of it can still be resolved and
// compared. The documents beside an image (documents.h) are such a place.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "build/resolve.h"
#include "spec/lock.h"

namespace imgforge::build {

/// A layer that takes something of the project that is not here.
struct MissingPath {
  std::string layer;
  std::string path;  // as the spec names it
  bool operator==(const MissingPath&) const = default;
};

struct WithoutProject {
  spec::ImageSpec spec;        // without layers of kind `files`, of which no lock names an input
  spec::Lock lock;             // the same
  std::set<std::string> keep;  // layers that cannot be resolved here: ResolveOptions::keep
  std::vector<MissingPath> missing;  // in the spec's order, those of kind `files` among them
};

/// `lock` belongs to `spec`. Looks whether files are there, and reads none.
Result<WithoutProject> without_project(spec::ImageSpec spec, spec::Lock lock);

}  // namespace imgforge::build
