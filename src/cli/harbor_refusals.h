// What Harbor means when it refuses something at its /v2/ door: as harbor/explain.h says it, with
// what its REST interface adds: which rule it was, whether the project is there, whether the login
// is still good.
#pragma once

#include <optional>

#include "cli/registry_images.h"

namespace imgforge::cli {

/// nullopt: not a Harbor, or a refusal like everybody's.
std::optional<Error> explain_harbor(RegistryImages& images, const http::Response& response,
                                    const registry::Asked& asked);

}  // namespace imgforge::cli
