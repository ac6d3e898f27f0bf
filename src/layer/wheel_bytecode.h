// Compiled Python files as a layer of their own: an executed recipe that runs compileall of the
// target's Python over the environment and keeps only __pycache__. The files carry the hash of
// their source and are not checked against it (PEP 552, unchecked), so they depend on no time and
// cost no reading at import.
#pragma once

#include <memory>
#include <string>

#include "layer/recipe.h"

namespace imgforge::layer {

/// For site-packages of `prefix`; `python` is the minor version.
std::unique_ptr<Recipe> make_bytecode_recipe(std::string prefix, std::string python);

}  // namespace imgforge::layer
