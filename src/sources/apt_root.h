// A private root for apt: its own sources, lists, dpkg status and configuration under one folder,
// so that an ordinary user can ask apt about any release of any archive and the machine's own apt
// is neither read nor touched. Insecure archives are refused.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/process.h"

namespace imgforge::sources {

/// One entry of the private sources: one archive with some of its suites.
struct AptRootSource {
  std::string role;
  std::string url;  // no trailing slash
  std::vector<std::string> suites;
  std::vector<std::string> components;  // empty for a flat repository (suite "/" or "./")
  std::string signed_by;                // a file, fingerprints or a key block; empty: trusted_parts
  bool ignore_expiry = false;           // a snapshot of the past
};

struct AptRootOptions {
  std::string directory;  // exists and is empty
  std::string architecture;
  std::vector<AptRootSource> sources;
  std::string dpkg_status;
  /// "name=version" to prefer wherever it is still offered, even over a newer version.
  std::vector<std::string> preferred;
  /// For proxies and certificates.
  std::map<std::string, std::string> environment;
  /// The machine's /etc/apt: keys for sources without signed_by, and credentials of auth.conf.
  std::string machine_apt;
};

/// apt.conf's text, for tests and for people who look.
std::string apt_configuration(const AptRootOptions& options);
std::string apt_source_list(const std::vector<AptRootSource>& sources);
std::string apt_preferences(const std::vector<std::string>& preferred);

class AptRoot {
 public:
  /// Writes the files. invalid when a name holds something that would change the files' meaning.
  static Result<AptRoot> create(AptRootOptions options);

  /// apt-get with these words, confined to this root by its environment and, so that a lost
  /// variable can never lead to the machine's own apt, by its command line.
  base::Command apt_get(std::vector<std::string> words) const;
  /// Another program with the same environment.
  base::Command command(std::vector<std::string> argv) const;
  std::string lists() const { return options_.directory + "/var/lib/apt/lists"; }
  const AptRootOptions& options() const { return options_; }

 private:
  explicit AptRoot(AptRootOptions options) : options_(std::move(options)) {}
  AptRootOptions options_;
};

}  // namespace imgforge::sources
