// Where each role is served: from the user's configuration, then the machine's own apt sources and
// pip configuration, then what the ecosystem's own client has built in (pip knows its default
// index). No address stands in the source tree.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::sources {

struct ArchiveAddress {
  std::vector<std::string> urls;  // in order of preference, no trailing slash
  /// What apt's Signed-By takes: a file, fingerprints, or an ASCII-armored key block; may be empty.
  std::string keyring;
  /// Root of the archive's history, asked when a file has vanished; may hold "{timestamp}".
  std::string snapshot;
};

/// What cli reads from the environment and the configuration file, as values.
struct AddressSettings {
  // From ~/.config/imgforge/config.yaml (or /etc/imgforge/config.yaml):
  //   archives: {ubuntu: {url: …, keyring: …}}   indexes: {default: …, pytorch: …}   redist: {cuda:
  //   …} vendor: [/path/to/vendored/folder]
  std::map<std::string, ArchiveAddress> archives;
  std::map<std::string, std::string> indexes;  // "pytorch/cu118" falls back to "pytorch" + "/cu118"
  std::map<std::string, std::string> redist;
  std::vector<std::string> vendor_folders;  // DIR/sha256/HEX, looked into before any network
  // From the environment, for the ecosystem's own clients and for curl:
  std::map<std::string, std::string>
      environment;  // PIP_INDEX_URL, PIP_CONFIG_FILE, http_proxy, SSL_CERT_FILE, HOME…
  std::string apt_directory = "/etc/apt";
  std::string system_pip_config = "/etc/pip.conf";
  /// Where imgforge keeps programs that it brought along (uv); may be empty.
  std::string tools_directory;
};

/// Thread-safe; copies share what was found out.
class Addresses {
 public:
  /// Reads the machine's apt sources; fails when they cannot be understood.
  static Result<Addresses> load(AddressSettings settings);
  /// not_found with a hint that shows the configuration lines to write. The role is the last part
  /// of an archive's URL (".../debian-security" serves "debian-security").
  Result<ArchiveAddress> archive(const std::string& role) const;
  /// Base URL of a simple repository (PEP 503), without a trailing slash. The first question for
  /// "default" may start pip or uv to ask for the index that they have built in.
  Result<std::string> index(const std::string& role) const;
  Result<std::string> redist(const std::string& role) const;
  const AddressSettings& settings() const { return settings_; }

 private:
  AddressSettings settings_;
  std::map<std::string, ArchiveAddress> machine_archives_;
  struct DefaultIndex;
  std::shared_ptr<DefaultIndex> default_index_;
};

}  // namespace imgforge::sources
