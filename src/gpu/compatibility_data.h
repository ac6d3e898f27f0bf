// The text of compatibility.json, compiled into the program by CMake.
#pragma once

#include <string_view>

namespace imgforge::gpu {

extern const std::string_view kCompatibilityJson;

}  // namespace imgforge::gpu
