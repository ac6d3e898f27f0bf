// The promise of an image that is somewhere else: of its layers only the small one is fetched that
// holds it.
#pragma once

#include <optional>
#include <string>

#include "cli/app.h"
#include "cli/image_view.h"

namespace imgforge::cli {

/// The document as the image has it. nullopt: imgforge did not build the image, or its layers do
/// not say what they are.
Result<std::optional<std::string>> promise_of(App& app, const ImageView& image);

}  // namespace imgforge::cli
