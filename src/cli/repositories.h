// A repository in a registry as releasing sees it: manifests by tag and digest, what stands beside an
// image, the copy of an image, and Harbor's REST side where the registry is a Harbor.
#pragma once

#include <memory>

#include "cli/app.h"
#include "oci/reference.h"
#include "release/repository.h"

namespace imgforge::cli {

/// Borrows the app. Nothing is asked of the registry before the first call.
Result<std::unique_ptr<release::Repository>> open_repository(App& app,
                                                             const oci::RegistryReference& image);

}  // namespace imgforge::cli
