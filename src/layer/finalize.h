// Kind `finalize`: the dynamic loader's cache, which is a function of the whole tree and therefore
// the last layer of files. The planner adds it when a computed layer puts libraries where the cache
// looks; executed layers bring a right cache of their own.
#pragma once

#include <memory>

#include "layer/recipe.h"

namespace imgforge::layer {

/// Runs the target's own ldconfig (the cache's format changed in glibc 2.32) on the parents.
std::unique_ptr<Recipe> make_finalize_recipe();

}  // namespace imgforge::layer
