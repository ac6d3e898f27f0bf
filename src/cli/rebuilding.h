// An image of a registry built again in a place of its own: from the documents and inputs beside
// it, or from a project on this machine.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "build/documents.h"
#include "build/kept_inputs.h"
#include "build/plan.h"
#include "build/reproduction.h"
#include "cli/app.h"
#include "cli/commands/registry_image.h"

namespace imgforge::cli {

struct RebuildOptions {
  std::string spec_file;  // with its lock; empty: the documents beside the image
  std::string source;     // the project's files; empty: none, or the spec's own project
  std::vector<std::string> vendor_folders;
  bool reuse = false;  // layers of the store may be used
  std::vector<oci::Reference> outputs;
  std::size_t listed = 20;  // files that are named of each layer that differs
};

/// Where an input is taken from.
struct InputPlace {
  enum class Kind { store, vendored, kept, local, outside };
  Kind kind = Kind::outside;
  std::string text;  // for people
};

struct RebuildPlan {
  std::string documents;  // where they are from, for people
  std::string spec_file;
  std::string project;       // where the project's files are; empty: nobody said
  bool takes_files = false;  // a layer is made of them
  std::vector<std::string> layer_paths;
  std::string build_id;
  build::BuildCircumstances circumstances;
  std::vector<sources::Input> inputs;
  std::vector<InputPlace> places;  // by index of inputs
  std::map<oci::Digest, build::KeptInput> kept;
  std::size_t layers = 0;
};

/// The inputs that are kept beside an image.
Result<std::map<oci::Digest, build::KeptInput>> inputs_beside(const RegistryImage& image);
/// Takes those of `wanted` that are among them into the store.
Result<std::size_t> take_beside(App& app, const RegistryImage& image,
                                const std::vector<sources::Input>& wanted,
                                const std::map<oci::Digest, build::KeptInput>& kept,
                                store::Store& store);

/// Finds documents and inputs; `scratch` is a folder for them. Fetches the documents alone.
/// Errc::not_found where documents or project files lack, saying what to do; Errc::mismatch when
/// the documents beside the image are not those that it names.
Result<RebuildPlan> plan_rebuild(App& app, const RegistryImage& image,
                                 const RebuildOptions& options, const std::string& scratch);

struct Rebuilt {
  oci::Digest digest;
  std::optional<build::Divergence> divergence;  // unset: the same image
  build::Cause cause;
};
Result<Rebuilt> rebuild(App& app, const RegistryImage& image, const RebuildPlan& plan,
                        const RebuildOptions& options, const std::string& scratch);

}  // namespace imgforge::cli
