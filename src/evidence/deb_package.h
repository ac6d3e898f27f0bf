// A Debian package by its stanza (from a lock, or from dpkg's status in a layer).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "evidence/package.h"

namespace imgforge::evidence {

struct DebPackage {
  Package package;  // without id, layers, licence
  /// Depends and Pre-Depends: one group per comma, its alternatives by name, in order.
  std::vector<std::vector<std::string>> depends;
  std::vector<std::string> provides;
};

/// `os` gives the purl its namespace and distribution ("debian", "12"); without it "debian" stands
/// there alone.
DebPackage parse_deb_stanza(std::string_view stanza, const std::optional<layer::OsIdentity>& os);

/// The stanzas of a status text that say "installed"; those without a Status field are taken too
/// (status.d of distroless images).
std::vector<std::string_view> installed_stanzas(std::string_view status);

}  // namespace imgforge::evidence
