// Where a registry wants us to go on, with an upload (Location) or a list (Link): made absolute and
// judged. A pure function, because here credentials are lost or kept.
#pragma once

#include <string>

#include "base/error.h"

namespace imgforge::registry {

struct NextLocation {
  std::string url;
  /// False: another endpoint than the registry's, which gets no credentials.
  bool ours = true;
};

/// `asked` is the URL of the request that was answered. A Location at the registry's own host but
/// with http or another port in place of the registry's https is one that a proxy got wrong
/// (Harbor: external_url; goharbor/harbor#17481): it is taken at the registry's own endpoint.
/// refused: http where the registry has https; this machine or a private network where the registry
/// is elsewhere. protocol: an empty location, or none that can be read.
Result<NextLocation> next_location(const std::string& asked, const std::string& location);

/// `url` with digest=DIGEST among its parameters.
std::string with_digest(const std::string& url, const std::string& digest);

}  // namespace imgforge::registry
