// A Python that brings everything: an archive of python-build-standalone, flavour "install_only",
// whose single top folder is the installation.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "layer/glob.h"
#include "layer/recipe.h"

namespace imgforge::layer {

/// One line of a release's SHA256SUMS.
struct StandaloneFile {
  std::string name;  // "cpython-3.11.12+20250517-x86_64-unknown-linux-gnu-install_only.tar.gz"
  std::string sha256;
  std::string version;  // "3.11.12"
};

/// The newest file for the architecture whose version is `version` or begins with it ("3.11"), the
/// stripped flavour if there is one. not_found names the versions that are there.
Result<StandaloneFile> choose_standalone(std::string_view sha256sums, std::string_view version,
                                         std::string_view architecture);

/// The exact version of the Python in an archive, by its patchlevel.h.
Result<std::string> read_standalone_version(const base::RandomAccess& archive,
                                            const std::string& name);

struct StandaloneSpec {
  sources::Input input;
  std::string version;  // exact
  std::string home;     // "/opt/python"
  std::vector<std::string> exclude;
  GlobSet excluded;  // the same, and parsed
};

/// Unpacks the archive without its installers (pip, setuptools), which an image has no use for.
std::unique_ptr<Recipe> make_standalone_recipe(StandaloneSpec spec);

}  // namespace imgforge::layer
