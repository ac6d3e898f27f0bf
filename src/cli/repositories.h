// A repository in a registry as releasing sees it: manifests by tag and digest, what stands beside an
// image, the copy of an image, and Harbor's REST side where the registry is a Harbor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/app.h"
#include "oci/reference.h"
#include "release/repository.h"

namespace imgforge::cli {

/// Borrows the app's registries, which end with its progress. Nothing is asked of the registry
/// before the first call. Tag and digest of `image` do not matter.
Result<std::unique_ptr<release::Repository>> open_repository(App& app,
                                                             const oci::RegistryReference& image);

/// Puts those labels on an image in a Harbor that its project has, and returns them; elsewhere none.
Result<std::vector<std::string>> label_image(release::Repository& repository,
                                             const oci::Digest& image,
                                             const std::vector<std::string>& names);

}  // namespace imgforge::cli
