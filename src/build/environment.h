// The environment variables of an image: from what it holds, what GPUs need, and what the spec
// says, in that order.
#pragma once

#include <string>
#include <vector>

#include "layer/facts.h"
#include "spec/image_spec.h"

namespace imgforge::build {

/// "NAME=value" in a stable order: PATH first, the spec's own last; a later value of the same name
/// replaces the earlier.
std::vector<std::string> environment_of(const spec::ImageSpec& spec, const layer::Facts& facts);

}  // namespace imgforge::build
