// What differs between two locks of one spec, in words that people use: packages with their
// versions, base images, and layers that come out otherwise. Pure.
#pragma once

#include <string>
#include <vector>

#include "build/plan.h"

namespace imgforge::build {

struct LockChange {
  std::string layer;      // its id, without the number of a split layer
  std::string name;       // of a package, a file or a base image
  std::string before;     // version, else digest; empty: it is new
  std::string after;      // empty: it is gone
  bool security = false;  // comes from an archive of security updates
  bool operator==(const LockChange&) const = default;
};

/// By layer, then by name.
std::vector<LockChange> compare_inputs(const Plan& before, const Plan& after);

/// Whether both make the same layers, byte for byte: what an archive says of itself (its date, its
/// signature) may differ.
bool same_layers(const Plan& before, const Plan& after);

/// "~ libc6 2.36-9+deb12u9 -> 2.36-9+deb12u10 (os, security)"
std::string to_string(const LockChange& change);

}  // namespace imgforge::build
