// One layer of wheels that can be built.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "layer/recipe.h"
#include "sources/sources.h"

namespace imgforge::layer {

struct WheelsLayerSpec {
  std::string name;    // of the group: "torch", "deps"
  std::string prefix;  // "/opt/venv"
  std::string python;  // "3.11"
  std::vector<sources::LockedWheel> wheels;
  std::set<std::string> allow_bad_record;  // projects
};

/// The layer's bytes depend on the wheels, the flags `requested`, prefix and python, and on nothing
/// else: equal ones are equal in every image.
std::unique_ptr<Recipe> make_wheels_recipe(WheelsLayerSpec spec);

}  // namespace imgforge::layer
