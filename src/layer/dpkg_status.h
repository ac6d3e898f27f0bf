// dpkg's status file (deb822 stanzas): what a lock promises that it will say, and what it says.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sources/sources.h"

namespace imgforge::layer {

/// `below` (status text, may be empty) with the packages installed over it: a stanza for a package
/// that is there already takes its place.
std::string installed_status(std::string_view below, const std::vector<sources::LockedDeb>& debs);

/// Roughly what the packages take on disk, by their Installed-Size.
std::uint64_t unpacked_bytes(const std::vector<sources::LockedDeb>& debs);

struct InstalledPackage {
  std::string name, architecture, version;
  auto operator<=>(const InstalledPackage&) const = default;
};

/// The packages that a status text says are installed, sorted. Removed ones whose configuration
/// stays are left out; one that is neither is Errc::mismatch.
Result<std::vector<InstalledPackage>> installed_packages(std::string_view status);

/// Errc::mismatch naming the differences between what the lock promises and what dpkg says.
Result<> check_installed(std::string_view promised_status, std::string_view found_status);

}  // namespace imgforge::layer
