// Do these contents work together, and on which hosts? The table is room gpu's; this asks it about
// an image.
#pragma once

#include <string>

#include "base/progress.h"
#include "layer/facts.h"
#include "spec/image_spec.h"

namespace imgforge::build {

/// `system_cuda`: version of CUDA libraries from a layer below torch's wheels; empty without one.
/// Errors of the table are Errc::mismatch with their remedy; warnings go to `progress`.
Result<> check_compatibility(const layer::Facts& facts, const std::string& system_cuda,
                             const spec::ImageSpec& spec, base::Progress& progress);

}  // namespace imgforge::build
