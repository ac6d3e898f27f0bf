// The main job: a spec and its lock become an image in the store and in the outputs that were asked
// for.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/assemble.h"
#include "build/plan.h"
#include "build/run.h"
#include "oci/reference.h"

namespace imgforge::build {

struct BuildRequest {
  std::string spec_file;
  std::vector<std::string> layer_paths;
  std::vector<oci::Reference> outputs;  // layouts and archives
  RunOptions run;
  bool record = false;  // write what the layers became into the lock
};

struct BuiltImage {
  std::string image;
  std::string tag;
  oci::Descriptor manifest;
  std::uint64_t compressed_bytes = 0;
  std::vector<LayerState> states;  // before the build
  std::vector<store::BuiltLayer> layers;
  std::vector<bool> reused;
  Plan plan;
};

Result<BuiltImage> build(const BuildRequest& request, const Workplace& place);

}  // namespace imgforge::build
