// An image as evidence sees it (room evidence): from its manifest alone, or with what a plan knows
// of its layers' inputs.
#pragma once

#include <string>

#include "build/plan.h"
#include "evidence/image.h"
#include "oci/image.h"

namespace imgforge::build {

/// Layers by the annotations that assemble() wrote; those of foreign images have neither id nor
/// kind. The tag is the image's own (kTagAnnotation), empty where it has none.
evidence::Image describe(const std::string& name, const oci::Descriptor& descriptor,
                         const oci::Manifest& manifest, const oci::ImageConfig& config);

/// Tells each layer what it was made from, so that wheels need not be read again from their layers.
/// The documents are the same without it. `plan` must be that of the image.
void add_inputs(evidence::Image& image, const Plan& plan);

/// Errc::mismatch when the image says that it was built from other locked layers.
Result<> check_lock_of_image(const oci::Manifest& manifest, const spec::Lock& lock);

}  // namespace imgforge::build
