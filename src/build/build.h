// The main job: a spec and its lock become an image in the store, in the outputs that were asked
// for, and in a registry.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "build/assemble.h"
#include "build/plan.h"
#include "build/publication.h"
#include "build/run.h"
#include "oci/reference.h"

namespace imgforge::build {

struct BuildRequest {
  std::string spec_file;
  std::vector<std::string> layer_paths;
  std::string build_id;                 // instead of the spec's; empty: the spec's
  std::vector<oci::Reference> outputs;  // layouts and archives
  RunOptions run;
  bool record = false;  // write what the layers became into the lock
  const Destination* destination = nullptr;
  /// Takes the next free build id of the destination, or the newest one that has this image already
  /// (release/publish.h).
  bool bump = false;
  /// Where relative paths of the spec start, instead of the spec's own project; empty: there.
  std::string project_directory;
  bool ignore_local_changes = false;  // as make_plan()
};

struct BuiltImage {
  std::string image;
  std::string tag;
  oci::Descriptor manifest;
  std::uint64_t compressed_bytes = 0;
  std::vector<LayerState> states;  // before the build
  std::vector<store::BuiltLayer> layers;
  std::vector<bool> reused;
  bool in_store = true;  // false: some of its layers are in the registry alone
  std::optional<Published> published;
  Plan plan;
};

Result<BuiltImage> build(const BuildRequest& request, const Workplace& place);

}  // namespace imgforge::build
