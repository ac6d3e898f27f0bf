// The layers of a spec, with the implicit ones put where they belong, decoded by their kinds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "layer/definition.h"
#include "spec/image_spec.h"

namespace imgforge::build {

struct DefinedLayer {
  spec::LayerUse use;
  std::unique_ptr<layer::Definition> definition;
};

/// spec::load_spec, and the implicit layers: a spec without a `probe` layer gets one above its
/// first layer, near the bottom, so that images share it.
Result<spec::ImageSpec> load_image(const std::string& spec_file,
                                   const std::vector<std::string>& layer_paths);
/// The same for a document that was read before.
Result<spec::ImageSpec> read_image(const document::Node& root, const std::string& spec_file,
                                   const std::vector<std::string>& layer_paths);

/// Decodes every entry.
Result<std::vector<DefinedLayer>> define(const spec::ImageSpec& spec);

}  // namespace imgforge::build
