// A virtual environment (PEP 405) as a layer: pyvenv.cfg, links to the interpreter, and the empty
// folders that wheels go to. Nothing is run to make it.
#pragma once

#include <memory>
#include <string>

#include "layer/facts.h"
#include "layer/recipe.h"

namespace imgforge::layer {

/// Over `python.executable`, at `python.prefix`.
std::unique_ptr<Recipe> make_environment_recipe(PythonFacts python);

}  // namespace imgforge::layer
