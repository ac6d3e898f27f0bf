// Overlay mounts over any number of trees. The options of mount(2) must fit into one page, so the
// folders are named through short symbolic links and the mount is made from the folder that holds
// them (docs/decisions/0004).
#pragma once

#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::sandbox {

struct Overlay {
  std::string work;  // an existing private folder: gets upper/, merged/, below/ and links
  bool user_xattrs;  // in a user namespace: overlay's marks are user.overlay.* attributes

  std::string upper() const { return work + "/upper"; }
  std::string merged() const { return work + "/merged"; }
  /// The trees alone, read-only: what was there before the step.
  std::string below() const { return work + "/below"; }
  const char* opaque_attribute() const {
    return user_xattrs ? "user.overlay.opaque" : "trusted.overlay.opaque";
  }
};

/// Mounts the trees (lowest first) read-only at below(). No tree gives an empty folder.
Result<> mount_below(const Overlay& overlay, const std::vector<std::string>& trees);

/// Mounts `skeleton` (topmost), the trees, and a fresh upper() at merged(). A file system that
/// cannot hold an upper folder is Errc::unsupported and named.
Result<> mount_merged(const Overlay& overlay, const std::vector<std::string>& trees,
                      const std::string& skeleton);

/// Detaches merged(), so that upper() is complete and at rest.
Result<> unmount_merged(const Overlay& overlay);

}  // namespace imgforge::sandbox
