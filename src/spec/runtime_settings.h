// The runtime configuration of an image (`config:` of a spec or a layer definition).
#pragma once

#include <string>

#include "document/node.h"
#include "spec/image_spec.h"

namespace imgforge::spec {

/// Lays the settings of `config` over `settings`: single values and lists replace, env and labels
/// replace by name, and `path` goes in front. `what` names it in errors.
Result<> apply_config(const document::Node& config, const std::string& what,
                      RuntimeSettings& settings);

}  // namespace imgforge::spec
