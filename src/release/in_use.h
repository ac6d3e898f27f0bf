// Which images of a catalogue somebody takes today, by their tags; the others are history. Pure.
#pragma once

#include <vector>

#include "release/catalogue.h"

namespace imgforge::release {

/// By index. In use are: what a channel names, what has no build tag, and of build tags that
/// differ in the build id alone the newest one, unless a channel names one of them.
/// Repositories are apart from each other.
std::vector<bool> in_use(const std::vector<CatalogueImage>& images);

}  // namespace imgforge::release
