// Kind `bootstrap`: a Debian or Ubuntu root from signed apt archives, configured by mmdebstrap
// offline out of the locked packages.
#pragma once

#include <memory>

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_bootstrap(const document::Node& entry);

}  // namespace imgforge::layer
