// Composition: the `layers:` list of a spec with every `use:` replaced by the layers of that
// definition, down to entries of one kind each.
#pragma once

#include <string>
#include <vector>

#include "document/node.h"
#include "spec/image_spec.h"
#include "spec/layer_definition.h"

namespace imgforge::spec {

struct Composition {
  std::vector<LayerUse> layers;  // lowest first, with unique ids
  RuntimeSettings config;        // what the definitions add; the spec's own is not in it yet
};

/// `entries` are the items of the spec's list; `display` names the spec in origins.
Result<Composition> compose(const std::vector<document::Node>& entries, const std::string& display,
                            DefinitionFinder& definitions);

}  // namespace imgforge::spec
