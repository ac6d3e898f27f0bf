// "What would apt install?", asked of apt itself in a private root.
#pragma once

#include <stop_token>
#include <string>

#include "sources/sources.h"

namespace imgforge::sources {

/// `scratch` is an empty folder whose contents the caller removes.
Result<AptResolution> resolve_apt(const AptRequest& request, const Addresses& addresses,
                                  const std::string& scratch, base::Progress& progress,
                                  std::stop_token stop);

/// One line of `apt-get install --print-uris`: 'URI' NAME SIZE SHA256:HEX.
struct PrintedUri {
  std::string uri;
  std::uint64_t size = 0;
  std::string sha256;
};
Result<PrintedUri> parse_printed_uri(std::string_view line);

/// Where a snapshot of an archive is: "{timestamp}" replaced, or the timestamp appended.
std::string snapshot_url(const std::string& snapshot_root, const std::string& timestamp);

}  // namespace imgforge::sources
