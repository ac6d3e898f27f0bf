// Kind `probe`: the compiled probe as /opt/imgforge/bin/imgforge, on the PATH as `imgforge`. Takes
// no keys; the lock pins the binary by sha256, so that an image has the probe it was locked with.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_probe(const document::Node& entry);

}  // namespace imgforge::layer
