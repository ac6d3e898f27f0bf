// Where `imgforge build --push` brings an image: the repository, its layer cache, and what happens
// to the image between its arrival and its tag.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "build/build.h"
#include "cli/ends.h"
#include "cli/keeping.h"
#include "registry/repository.h"
#include "release/repository.h"
#include "spec/image_spec.h"

namespace imgforge::cli {

/// Options of `build` for it, as rows of its table.
#define IMGFORGE_PUSH_OPTIONS                                                                      \
  {"push", 0, "", "bring the image into the spec's registry while it is built"},                   \
      {"to", 0, "HOST/REPOSITORY", "into this repository instead (implies --push)"},               \
      {"bump", 0, "", "take the next free build id, or the newest if it has this image already"},  \
      {"sign", 0, "", "sign the image, before it gets its tag"},                                   \
      {"attest", 0, "", "attest SBOM documents and provenance, before it gets its tag"},           \
      {"keep-inputs", 0, "", "keep the inputs beside the image, for 'imgforge reproduce'"},        \
      {"branch", 0, "BRANCH", "then let the channel that this git branch feeds name the image"}, { \
    "layer-cache", 0, "REPOSITORY",                                                                \
        "repository of that registry with the shared layer cache (default: the image's own; "      \
        "'none')"                                                                                  \
  }

/// Borrows the app; not moved once made.
class BuildDestination {
 public:
  /// null when nothing is to be pushed. Errc::usage where it is not said where to. Asks for the
  /// passphrase of a key at once, where one is needed.
  static Result<std::unique_ptr<BuildDestination>> make(App& app, const spec::ImageSpec& spec);

  build::Destination& destination() { return destination_; }
  const oci::RegistryReference& reference() const { return reference_; }
  release::Repository& repository() { return *repository_; }
  /// What was signed and attested: a sentence each.
  const std::vector<std::string>& evidence() const { return evidence_; }
  /// What was kept beside the image to build it again.
  const Kept& kept() const { return kept_; }

 private:
  BuildDestination() = default;
  Result<> arrange_evidence(App& app, const std::string& spec_file);
  oci::RegistryReference reference_;
  TargetEnd end_;
  std::optional<registry::LayerCache> cache_;
  std::unique_ptr<registry::Repository> cache_repository_;
  std::unique_ptr<release::Repository> repository_;
  std::vector<std::string> evidence_;
  Kept kept_;
  build::Destination destination_;
};

/// Whether --push or --to is given.
bool push_wanted(const App& app);

/// Errc::usage for the first option of IMGFORGE_PUSH_OPTIONS that means nothing without a registry.
Result<> expect_push(const App& app, const char* command);

}  // namespace imgforge::cli
