// The look into resolved wheels at lock time, through the store or HTTP ranges: bad wheels and
// wheels that cannot be installed together are refused here, before anybody downloads or builds,
// and the components of the image are read.
#pragma once

#include <set>

#include "layer/definition.h"
#include "layer/wheels_part.h"

namespace imgforge::layer {

/// Plans every wheel of the part and merges the plans; fills part.components.
Result<> look_into_wheels(const ResolveContext& context,
                          const std::set<std::string>& allow_bad_record, WheelsPart& part);

}  // namespace imgforge::layer
