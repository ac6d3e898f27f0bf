// Kind `run`: a shell script in the sandbox, without network. What it changes is the layer; with
// `emit: false` it is a test whose changes are thrown away.
#pragma once

#include <memory>

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_run(const document::Node& entry);

}  // namespace imgforge::layer
