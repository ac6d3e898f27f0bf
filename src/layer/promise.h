// The layer that holds /opt/imgforge/promise.json: what the image says of itself, for the probe.
// No kind of a spec: the builder adds it, with the text that gpu::to_json wrote.
#pragma once

#include <memory>
#include <string>

#include "layer/recipe.h"

namespace imgforge::layer {

std::unique_ptr<Recipe> make_promise_recipe(std::string promise_json);

}  // namespace imgforge::layer
