// Entering a user namespace in which the calling user is root and its subordinate ids are the other
// users, through newuidmap and newgidmap (shadow's uidmap), as rootless containers do. Only for a
// process with a single thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::sandbox {

struct IdRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  bool operator==(const IdRange&) const = default;
};

/// The ranges of one user in the text of /etc/subuid or /etc/subgid (subuid(5)); entries may name
/// the user or its number. Lines that are not entries are skipped, as shadow does.
std::vector<IdRange> subordinate_ranges(std::string_view text, std::string_view user,
                                        std::uint64_t uid);

/// The calling user's ranges; Errc::unsupported with the command that adds some when there are
/// none, or too few for a Debian system (65536 less the root that the user itself is).
struct SubordinateIds {
  std::vector<IdRange> users, groups;
};
Result<SubordinateIds> own_subordinate_ids();

/// Unshares user and mount namespaces and becomes root there.
Result<> enter_user_namespace();

/// Unshares the mount namespace and cuts it off from the host's: for a process that is root
/// already.
Result<> enter_mount_namespace();

/// True in the machine's first user namespace (there, trusted.* attributes can be written).
bool in_initial_user_namespace();

}  // namespace imgforge::sandbox
