// Inputs that lie on this machine: imgforge's own probe, files of the project.
#pragma once

#include <string>
#include <vector>

#include "sources/input.h"
#include "store/store.h"

namespace imgforge::build {

/// Where inputs lie that no network brings.
struct LocalPlaces {
  std::string probe_file;         // the compiled probe of this imgforge
  std::string project_directory;  // for files of the project
  std::vector<std::string>
      vendor_folders;  // looked into by sources::fetch: what is there is left to it
};

/// Puts the probe and the project's files among `inputs` into the store, verified. Errc::refused
/// when this imgforge carries another probe than the lock names, saying how to go on.
Result<> bring_local(const std::vector<sources::Input>& inputs, const LocalPlaces& places,
                     store::Store& store);

}  // namespace imgforge::build
