// One Debian package without its scripts: whether that is possible, and its files as they stand in
// a layer.
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "archive/deb.h"
#include "layer/archive_members.h"

namespace imgforge::layer {

/// Errc::refused, naming the package and what it has, when unpacking alone would not install it:
/// maintainer scripts, conffiles, triggers other than ldconfig's.
Result<> check_unpackable(const std::string& package, const archive::DebControl& control);

/// Where a path of a package goes: into /usr if it begins with bin, sbin, lib or lib64; nullopt for
/// documentation (copyright files stay).
std::optional<std::string> place_in_layer(std::string_view path);

/// The text for /var/lib/dpkg/status.d/PACKAGE: the control file with a Status field.
std::string status_text(const std::string& control);
/// The md5sums of what was placed, with the paths that it has in the layer.
std::string placed_md5sums(const std::string& md5sums);

/// Adds all files of a package and its records. Modes and owners are the package's; contents are
/// read out of it when they are written.
Result<> unpack_deb(ReadingPlace& place, std::shared_ptr<const base::RandomAccess> deb,
                    const std::string& package, TreeEntries& entries, std::stop_token stop);

}  // namespace imgforge::layer
