// What is mounted over the root of a step, and the skeleton: an extra topmost lower tree that holds
// the mount points which the image lacks, so that mounting leaves no trace in the upper folder.
#pragma once

#include <string>
#include <vector>

#include "sandbox/sandbox.h"

namespace imgforge::sandbox {

struct MountPoint {
  enum class Kind { devices, processes, tmpfs, bind };
  Kind kind;
  std::string inside;   // absolute, without symbolic links
  std::string from;     // bind: a folder or file of the host
  bool sticky = false;  // tmpfs: mode 1777 instead of 0755
  /// Folders on an earlier tmpfs that must be there first; bubblewrap would make them 0700.
  std::vector<std::string> parents;
  bool operator==(const MountPoint&) const = default;
};

/// /dev, /proc, /tmp, /run, then the step's own, in the order in which they are to be mounted.
/// `below` is the root before the step; `skeleton` an empty folder that is filled.
Result<std::vector<MountPoint>> prepare_mount_points(const Step& step, const std::string& below,
                                                     const std::string& skeleton);

/// The arguments of bubblewrap for `step` on the root `merged`.
std::vector<std::string> bubblewrap_arguments(const std::string& merged, const Step& step,
                                              const std::vector<MountPoint>& mounts);

}  // namespace imgforge::sandbox
