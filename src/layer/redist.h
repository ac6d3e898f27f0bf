// Kind `redist`: NVIDIA's redistributable archives (CUDA, cuDNN, …) from a redistrib_*.json, under
// /usr/local/cuda-X.Y: for programs outside Python.
//
//   product: cuda   release: 11.8.0   (or manifest: redistrib_11.8.0.json)
//   components: [cuda_cudart, libcublas]      prefix: /usr/local/cuda-11.8
//
// The archives lose their top folder; licences go to PREFIX/licenses/COMPONENT; static libraries
// and the link-time stubs of the driver are left out. Added: PREFIX/lib64, /usr/local/cuda (product
// cuda), and a file in /etc/ld.so.conf.d. Each large component is a layer of its own.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_redist(const document::Node& entry);

}  // namespace imgforge::layer
