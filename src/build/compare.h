// Two layers, entry by entry.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "store/store.h"

namespace imgforge::build {

struct EntryDifference {
  enum class Kind { added, removed, changed };
  Kind kind;
  std::string path;
  std::string
      what;  // "content (12 B, 14 B)", "mode 0644, 0755": what changed; empty for added and removed
};

/// Walks both layers once, in step; memory does not grow with their size. Both must be in the
/// store. `visit` returns false to stop.
Result<> compare_layers(const store::Store& store, const oci::Descriptor& left,
                        const oci::Descriptor& right,
                        const std::function<bool(const EntryDifference&)>& visit);

/// One sentence about the first difference; "no entry differs" when there is none (then the
/// encodings do).
Result<std::string> first_difference(const store::Store& store, const oci::Descriptor& left,
                                     const oci::Descriptor& right);

}  // namespace imgforge::build
