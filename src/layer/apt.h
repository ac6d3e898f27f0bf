// Kind `apt`: more packages on a system that is there, installed offline by the system's own apt
// and dpkg in the sandbox.
#pragma once

#include <memory>

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_apt(const document::Node& entry);

}  // namespace imgforge::layer
