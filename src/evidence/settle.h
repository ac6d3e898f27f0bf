// From what the lock says and what the layers hold to one list of packages. Pure. Private to the
// room.
#pragma once

#include <vector>

#include "evidence/found.h"
#include "evidence/locked.h"

namespace imgforge::evidence {

/// Sorted, with ids, layers, licences and dependencies.
Result<std::vector<Package>> settle_packages(const Image& image, LockedContents contents,
                                             const Found& found);

/// Fills Package::depends: Debian's by name or by what provides it, Python's by their markers for
/// the image's Python; only what is in the image.
void resolve_dependencies(std::vector<Candidate>& candidates,
                          const std::optional<sources::PythonTarget>& python);

}  // namespace imgforge::evidence
