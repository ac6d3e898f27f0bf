// The variables by which NVIDIA's container runtime recognises what an image needs
// (nvidia-container-toolkit v1.20.0). Never CUDA_VERSION: alone it marks an image as "legacy" and
// adds the requirement cuda>=X.Y, which refuses drivers that minor-version compatibility allows.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace imgforge::gpu {

/// NVIDIA_VISIBLE_DEVICES, NVIDIA_DRIVER_CAPABILITIES, and the requirements: `driver_floor` ("525",
/// ">=525.60.13"; its branch counts) as NVIDIA_REQUIRE_DRIVER, and the first CUDA version of the
/// major of `cuda` ("12.4") as NVIDIA_REQUIRE_CUDA. The two are separate variables because only
/// those are joined by "and". Empty arguments leave their requirement out.
std::vector<std::pair<std::string, std::string>> gpu_environment(std::string_view driver_floor,
                                                                 std::string_view cuda);

}  // namespace imgforge::gpu
