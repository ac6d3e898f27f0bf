// The lock part that kinds bootstrap, apt and deb share: which releases were read, and every
// package with its archive's own stanza. Also what can be said of an image from it: distribution,
// glibc, Python.
//
// Format (canonical JSON): {"apt", "debs": [{"architecture","input","name","stanza","version"}],
// "kind", "os": {"id","version","version_id"} where the packages bring base-files, "releases":
// [{"archive","date","inrelease_sha256","keys","suite"}]}.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "layer/definition.h"
#include "layer/facts.h"
#include "sources/sources.h"

namespace imgforge::layer {

/// What the packages' own /usr/lib/os-release and /etc/debian_version say.
struct OsIdentity {
  std::string id;          // "debian"
  std::string version_id;  // "12"
  std::string version;     // "12.11", "20.04.6"
  bool operator==(const OsIdentity&) const = default;
};

struct DebPart {
  std::vector<sources::LockedRelease> releases;
  std::vector<sources::LockedDeb> debs;
  std::string apt_version;
  std::optional<OsIdentity> os;
};

std::string format_deb_part(const DebPart& part, std::string_view kind);
Result<DebPart> parse_deb_part(const std::string& part);

/// "name=version" of the older lock's packages, for AptRequest::pins: none when there is no older
/// lock or everything may change, else all but those that may.
Result<std::vector<std::string>> pins_of(const ResolveContext& context);

/// The distribution's identity out of base-files, fetched into the store; nullopt when it is not
/// among `debs`.
Result<std::optional<OsIdentity>> read_os_identity(const ResolveContext& context,
                                                   const std::vector<sources::LockedDeb>& debs);

/// Status, distribution, glibc, Python and their components.
Result<> contribute_debs(const DebPart& part, const std::string& layer_id, Facts& facts);

/// What of the packages decides the layer's bytes, as canonical JSON: not the dates of releases.
std::string debs_key(const std::vector<sources::LockedDeb>& debs);

}  // namespace imgforge::layer
