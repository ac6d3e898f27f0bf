// What a change of a part of an image is known to change in the results of a training run: data
// with sources (reproducibility.json), most telling first. Where no document says so, nothing is
// claimed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::gpu {

/// The text of reproducibility.json, compiled into the program by CMake.
extern const std::string_view kReproducibilityJson;

struct Effect {
  std::string id;
  std::string what;                                    // for people: "cuDNN"
  std::vector<std::string> components, packages, env;  // names; a * at the end stands for any rest
  bool minor_only = false;                             // a patch release is not known to change it
  std::string changes;                                 // what it is known to change
  std::string source;                                  // the document that says so
};

/// Errc::invalid for data that is not as described.
Result<std::vector<Effect>> parse_effects(std::string_view json);
/// The built-in ones, most telling first.
const std::vector<Effect>& known_effects();

enum class Part { component, package, environment };
/// Whether the effect is about that part and this change of it; an empty version: it is not there.
bool concerns(const Effect& effect, Part part, std::string_view name, std::string_view before,
              std::string_view after);

}  // namespace imgforge::gpu
