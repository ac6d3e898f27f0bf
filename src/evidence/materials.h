// Everything that a lock lets into a build, by name, role and digest: provenance's resolved
// dependencies.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "sources/input.h"
#include "spec/lock.h"

namespace imgforge::evidence {

struct Material {
  std::string name;  // "libc6_2.36-9+deb12u10_amd64.deb"
  std::string uri;   // by role: "imgforge:archive/debian/pool/main/g/glibc/libc6_…"
  std::string algorithm = "sha256";  // or "gitCommit"
  std::string digest;                // hex
  std::string layer;                 // id of the lock's layer
  auto operator<=>(const Material&) const = default;
};

/// Sorted by layer order, then uri. Signed package lists count too: they chose the packages.
Result<std::vector<Material>> materials_of(const spec::Lock& lock);

/// "imgforge:KIND/ROLE/…": docs/formats/provenance.md. An address that the spec's author wrote
/// stays as it is.
std::string uri_of(const sources::Origin& origin);

}  // namespace imgforge::evidence
