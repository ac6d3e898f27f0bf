// What the tests of this room share: a store in a folder of its own, addresses by hand, a local
// archive and local indexes.
#pragma once

#include <cstdlib>
#include <string>

#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "sources/sources.h"
#include "store/store.h"
#include "unit/http/fault_server.h"

namespace imgforge::test {

inline base::TempDir temporary() {
  auto made = base::TempDir::create("/tmp", "imgforge-sources");
  if (!made) throw std::runtime_error(made.error().summary());
  return std::move(*made);
}

/// Addresses that know nothing of this machine but its proxy and certificate settings.
inline sources::AddressSettings bare_settings() {
  sources::AddressSettings settings;
  settings.apt_directory = "/nonexistent";
  settings.system_pip_config = "/nonexistent";
  for (const char* name : {"http_proxy", "https_proxy", "no_proxy", "SSL_CERT_FILE", "PATH"}) {
    if (const char* value = std::getenv(name)) settings.environment[name] = value;
  }
  if (const char* tools = std::getenv("IMGFORGE_TOOLS")) settings.tools_directory = tools;
  return settings;
}

/// A store and the sources over it.
struct Workplace {
  base::TempDir folder = temporary();
  store::Store store;
  sources::Sources sources;

  explicit Workplace(sources::AddressSettings settings)
      : store(open(folder / "store")),
        sources(load(std::move(settings)), store, base::silent_progress()) {}

  static store::Store open(const std::string& path) {
    auto opened = store::Store::open(path);
    if (!opened) throw std::runtime_error(opened.error().summary());
    return std::move(*opened);
  }
  static sources::Addresses load(sources::AddressSettings settings) {
    auto loaded = sources::Addresses::load(std::move(settings));
    if (!loaded) throw std::runtime_error(loaded.error().summary());
    return std::move(*loaded);
  }
};

/// Empty, or why tests/unit/sources/SCRIPT could not make its files.
inline std::string make(const std::string& script, std::vector<std::string> arguments) {
  base::Command command;
  command.argv = {"python3", IMGFORGE_SOURCE_DIR "/tests/unit/sources/" + script};
  command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
  const auto made = base::run_checked(command);
  return made ? std::string() : made.error().summary();
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

inline sources::Input input_of(const std::string& content, sources::Origin origin,
                               const std::string& name = "x.bin") {
  return {name, oci::Digest::of(content), content.size(), std::move(origin)};
}

}  // namespace imgforge::test
