// A folder as a layer: everything in it, or what an overlay's upper folder says about the trees
// below, as one plain tar. Must run inside the user namespace that wrote the folder: ids and file
// capabilities are taken as seen there. Memory: names and a few numbers per entry, no contents.
#pragma once

#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "sandbox/sandbox.h"

namespace imgforge::sandbox {

struct Capture {
  std::string folder;
  /// The root before the step: decides where an opaque marker is needed, and what is unchanged.
  /// Empty: there was nothing, and nothing in `folder` has a meaning for overlay.
  std::string below;
  std::string opaque_attribute = "user.overlay.opaque";
  base::Seconds epoch;
  std::vector<CaptureRule> rules;
};

/// Sorted by path, byte-wise. The root folder itself is not an entry. Left out: sockets, what rules
/// drop, and files and folders that are as they were below. Device nodes are Errc::invalid.
Result<> capture(const Capture& request, base::Sink& out);

}  // namespace imgforge::sandbox
