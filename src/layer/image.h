// Kind `image`: the layers of a base image, by digest, reused byte for byte.
//
//   ref: oci:base-layout:tag      platform: linux/amd64
//
// The lock pins the manifest by digest and says what is in the image (system, glibc, Python,
// packages), read from its files.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_image(const document::Node& entry);

}  // namespace imgforge::layer
