#include "gpu/environment.h"

#include <fmt/format.h>

#include "base/text.h"
#include "gpu/version.h"

namespace imgforge::gpu {

std::vector<std::pair<std::string, std::string>> gpu_environment(std::string_view driver_floor,
                                                                 std::string_view cuda) {
  std::vector<std::pair<std::string, std::string>> variables = {
      {"NVIDIA_VISIBLE_DEVICES", "all"}, {"NVIDIA_DRIVER_CAPABILITIES", "compute,utility"}};
  if (const Version version(cuda); !version.empty()) {
    variables.emplace_back("NVIDIA_REQUIRE_CUDA",
                           fmt::format("cuda>={}.0", version.major_number()));
  }
  driver_floor = base::trim(driver_floor);
  if (driver_floor.starts_with(">=")) driver_floor = base::trim(driver_floor.substr(2));
  if (const Version floor(driver_floor); !floor.empty()) {
    variables.emplace_back("NVIDIA_REQUIRE_DRIVER",
                           fmt::format("driver>={}", floor.major_number()));
  }
  return variables;
}

}  // namespace imgforge::gpu
