// What the differences between two images mean for whoever asks why a result does not come out
// again: known effects, most telling first, and one sentence.
#pragma once

#include <string>
#include <vector>

#include "build/image_diff.h"

namespace imgforge::build {

struct Finding {
  std::string what;                // "cuDNN", "the project's own code"
  std::vector<std::string> parts;  // "cudnn 9.1.0 -> 9.5.1"
  std::string changes;             // what that is known to change
  std::string source;              // who says so; empty: nobody needs to
};

struct Findings {
  std::vector<Finding> found;  // most telling first
  std::string conclusion;      // one sentence
};

/// Pure.
Findings findings_of(const ImageDiff& diff);

}  // namespace imgforge::build
