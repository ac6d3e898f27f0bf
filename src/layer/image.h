// Kind `image`: the layers of a base image, by digest, reused byte for byte.
//
//   ref: host/project/repo:tag    platform: linux/amd64
//
// `ref` is an image in a registry, an OCI layout (oci:DIR:tag) or an OCI archive
// (oci-archive:FILE). The lock pins the manifest by digest and says what is in the image (system,
// glibc, Python, packages), read from its files.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_image(const document::Node& entry);

}  // namespace imgforge::layer
