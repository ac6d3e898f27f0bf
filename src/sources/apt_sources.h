// The machine's own apt sources (sources.list(5)): deb822 files *.sources and one-line files
// *.list.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::sources {

struct AptSourceEntry {
  std::vector<std::string> urls;  // http, https, file and copy; no trailing slash
  std::vector<std::string> suites;
  std::string signed_by;  // file, fingerprints or key block; may be empty
};

/// Enabled binary ("deb") entries in the order of the text.
std::vector<AptSourceEntry> parse_deb822_sources(std::string_view text);
std::vector<AptSourceEntry> parse_one_line_sources(std::string_view text);

/// All entries under an apt configuration folder, in the order in which apt reads them
/// (sources.list, then sources.list.d by name). A missing folder has none.
Result<std::vector<AptSourceEntry>> read_apt_sources(const std::string& apt_directory);

/// "debian-security" for ".../debian-security/": the role that a URL serves; may be empty.
std::string archive_role(std::string_view url);

}  // namespace imgforge::sources
