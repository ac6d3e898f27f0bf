// A flat apt repository out of locked packages: the archive's own stanzas, so that apt sees the
// same Priority, Essential and dependencies as at lock time, and the packages under their hashes.
// apt may trust it: every package was checked against the lock when it came into the store, and the
// lock is what is trusted.
#pragma once

#include <string>
#include <vector>

#include "sources/sources.h"
#include "store/store.h"

namespace imgforge::layer {

/// Fills the new folder `directory`: Packages and pool/HEX.deb. The packages must be in the store.
Result<> write_offline_repository(const std::string& directory,
                                  const std::vector<sources::LockedDeb>& debs,
                                  const store::Store& store);

/// The line of sources.list for a repository at `directory` (as apt will see it).
std::string offline_source_line(const std::string& directory);

}  // namespace imgforge::layer
