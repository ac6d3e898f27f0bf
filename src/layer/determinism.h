// The layer that holds the helper module of an image with `determinism`: it seeds random, numpy and
// torch and lets torch choose deterministic algorithms. No kind of a spec: the builder adds it. The
// bytes are the same for every image with the same site-packages: the seed comes from the image's
// environment.
#pragma once

#include <memory>
#include <string>

#include "layer/recipe.h"

namespace imgforge::layer {

inline constexpr const char* kDeterminismModule = "imgforge_determinism";

/// `site_packages` is absolute: "/opt/venv/lib/python3.11/site-packages".
std::unique_ptr<Recipe> make_determinism_recipe(std::string site_packages);

/// The module's text.
std::string determinism_module();

}  // namespace imgforge::layer
