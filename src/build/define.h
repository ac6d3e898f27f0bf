// The layers of a spec, decoded by their kinds, with the implicit ones put where they belong.
#pragma once

#include <memory>
#include <vector>

#include "layer/definition.h"
#include "spec/image_spec.h"

namespace imgforge::build {

struct DefinedLayer {
  spec::LayerUse use;
  std::unique_ptr<layer::Definition> definition;
};

/// Decodes every entry. A spec without a `probe` layer gets one above its first layer, near the
/// bottom, so that images share it.
Result<std::vector<DefinedLayer>> define(const spec::ImageSpec& spec);

}  // namespace imgforge::build
