#include "gpu/environment.h"

#include "catch.h"

using namespace imgforge::gpu;
using Variables = std::vector<std::pair<std::string, std::string>>;

TEST_CASE("the container runtime's variables say what the image needs") {
  CHECK(gpu_environment(">=525", "11.8") ==
        Variables{{"NVIDIA_VISIBLE_DEVICES", "all"},
                  {"NVIDIA_DRIVER_CAPABILITIES", "compute,utility"},
                  {"NVIDIA_REQUIRE_CUDA", "cuda>=11.0"},
                  {"NVIDIA_REQUIRE_DRIVER", "driver>=525"}});
  CHECK(gpu_environment("525.60.13", "12.4.127").back() ==
        std::pair<std::string, std::string>("NVIDIA_REQUIRE_DRIVER", "driver>=525"));
  CHECK(gpu_environment("", "").size() == 2);
}

TEST_CASE("CUDA_VERSION is never set: it would make the image a legacy one") {
  for (const auto& [name, value] : gpu_environment(">=525", "12.4")) CHECK(name != "CUDA_VERSION");
}
