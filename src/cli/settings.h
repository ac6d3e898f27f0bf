// What the environment and the configuration file say, read once, here and nowhere else.
//
// Precedence: command line, environment (IMGFORGE_*), ~/.config/imgforge/config.yaml,
// /etc/imgforge/config.yaml, defaults. Keys of the file: store, layers, workers, vendor, tools,
// archives, indexes, redist, registries, trust_policy, signing_key, signing_formats,
// signing_certificates, builder, channel_policy (docs/reference/config.md).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sign/verify.h"
#include "sources/addresses.h"

namespace imgforge::cli {

/// What the configuration says of one registry.
struct RegistryAddress {
  std::string address;             // a mirror, "host[:port]"; empty: the host itself
  std::optional<bool> plain_http;  // unset: only on this machine (registry::is_loopback)
  /// How long what fails is tried again; unset: what the client finds good.
  std::optional<std::chrono::milliseconds> patience;
};

/// Keys and trust; files as absolute paths or relative to the working directory, empty: not said.
struct SigningSettings {
  std::string trust_policy;
  std::string key;  // a file, or a URI that OpenSSL opens
  std::vector<sign::Format> formats = {sign::Format::legacy, sign::Format::bundle};
  std::string certificates;  // the chain of the key, for notation
  std::string builder;       // a URI: who builds here, for provenance
};

struct Settings {
  std::string store_directory;
  std::vector<std::string> layer_paths;
  std::size_t workers = 0;  // 0: as many as processors
  std::string probe_file;   // the compiled probe beside this program
  bool no_color = false;
  sources::AddressSettings addresses;
  std::map<std::string, RegistryAddress> registries;  // by host, as references have it
  SigningSettings signing;
  std::string channel_policy;  // a file; empty: not said
};

/// `environment` is the process's environment; `config_file` overrides where the file is looked for
/// (must exist then).
Result<Settings> load_settings(const std::map<std::string, std::string>& environment,
                               const std::string& config_file, const std::string& self);

}  // namespace imgforge::cli
