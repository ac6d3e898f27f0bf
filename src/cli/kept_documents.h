// What is kept beside an image of a registry: the documents that it was built from, laid out as a
// project, and its inputs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "build/documents.h"
#include "build/kept_inputs.h"
#include "release/repository.h"

namespace imgforge::cli {

/// A spec with its lock, which belongs to it.
struct LockedSpec {
  std::string spec_file;
  spec::ImageSpec spec;
  spec::Lock lock;
};
Result<LockedSpec> load_locked(const std::string& spec_file,
                               const std::vector<std::string>& layer_paths);

struct KeptBeside {
  std::vector<release::Artifact> documents;  // manifests only
  std::map<oci::Digest, build::KeptInput> inputs;
};
Result<KeptBeside> look_for_kept(release::Repository& repository, const oci::Digest& image);

struct AttachedDocuments {
  LockedSpec locked;  // in a folder of its own in `scratch`, without the project's other files
  build::BuildDocuments documents;
  std::string digest;  // of their artifact
};
/// The documents beside the image that are those which the image names; somebody else's do not
/// matter as long as the right ones are there. `name` is for people. Errc::not_found where none
/// are beside it; Errc::mismatch where they are not those of the image.
Result<AttachedDocuments> open_documents(release::Repository& repository, const std::string& name,
                                         const release::RawManifest& image, const KeptBeside& kept,
                                         const std::string& scratch);

}  // namespace imgforge::cli
