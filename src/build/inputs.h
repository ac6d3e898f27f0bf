// What a build needs before it starts, beyond what sources fetch: inputs that lie on this machine
// (imgforge's own probe, files of the project), and the layers of base images.
#pragma once

#include <string>
#include <vector>

#include "build/plan.h"
#include "build/resolve.h"
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

/// The layers of base images (kind `image`) that the store lacks, and their bytes.
struct BaseLayers {
  std::size_t count = 0;
  std::uint64_t bytes = 0;
};
BaseLayers missing_base_layers(const Plan& plan, const store::Store& store);
/// Brings them from their registry, layout or archive, one after the other, each verified.
Result<> bring_base_layers(const Plan& plan, const spec::ImageSpec& spec, const Workplace& place);

}  // namespace imgforge::build
