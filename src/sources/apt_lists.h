// What apt has downloaded into a private root: which list belongs to which release, the stanzas of
// chosen packages, and who signed a release.
#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "sources/apt_root.h"
#include "sources/sources.h"

namespace imgforge::sources {

/// One Packages file and the InRelease file that vouches for it.
struct AptList {
  std::string packages_file;
  std::string inrelease_file;
  std::string url;    // of the archive, no trailing slash
  std::string suite;  // as the sources name it
};

/// By `apt-get indextargets`. not_found when a source of the root has no list: apt forgives a
/// missing one, a lock must not.
Result<std::vector<AptList>> apt_lists(const AptRoot& root, std::stop_token stop);

/// Stanzas verbatim by the value of their SHA256 field. Streams; memory is that of the result.
Result<std::map<std::string, std::string>> find_stanzas(const std::vector<AptList>& lists,
                                                        const std::set<std::string>& sha256,
                                                        std::stop_token stop);

/// One record per release, in the order of the root's sources. Keys come from gpgv, which checks
/// the signature a second time; `warn` hears when that program is missing.
Result<std::vector<LockedRelease>> read_releases(const AptRoot& root,
                                                 const std::vector<AptList>& lists,
                                                 base::Progress& progress, std::stop_token stop);

/// The binary keyring in an ASCII-armored block (RFC 4880 section 6); nullopt when it is none.
std::optional<std::string> dearmored(std::string_view armored);

}  // namespace imgforge::sources
