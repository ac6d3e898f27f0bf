// Which wheels share a layer: a pure function of names and sizes, so that the same wheel lands in a
// layer of its own in every image that has it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "layer/glob.h"
#include "sources/sources.h"

namespace imgforge::layer {

/// A wheel file of at least this many bytes gets a layer of its own: below, the fixed costs of a
/// layer (a request, a mount) outweigh what sharing it saves.
inline constexpr std::uint64_t kHeavyWheel = 32'000'000;
/// Overlay mounts allow 127 layers; the rest of the image needs some too.
inline constexpr std::size_t kMostWheelLayers = 60;

/// One rule of the author: a layer of this name for the projects that match.
struct SplitRule {
  std::string name;
  GlobSet match;  // over PEP 503 names
};

struct WheelGroup {
  std::string name;                 // "torch", "deps", or the rule's
  std::vector<std::size_t> wheels;  // indexes, ascending
};

/// Groups, lowest layer first. Without rules: each heavy nvidia-* wheel, then each other heavy
/// wheel (both by name), then "deps" with the rest. With rules: theirs in their order, each wheel
/// in the first that matches, then "deps". Groups without wheels are left out.
std::vector<WheelGroup> split_wheels(std::span<const sources::LockedWheel> wheels,
                                     std::span<const SplitRule> rules);

}  // namespace imgforge::layer
