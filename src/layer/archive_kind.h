// Kind `archive`: one tar (any compression) or zip, by sha256, unpacked into the image.
//
//   url: an address, or file: a path in the project        sha256: (found when locking if absent)
//   strip: 1   dest: /opt/tool   include: []   exclude: []   owner: "0:0"   mode: "0644"
//
// What is taken and what is refused: layer/unpack.h. A later member of a tar replaces an earlier
// one of the same path, as when it is unpacked.
#pragma once

#include "layer/definition.h"

namespace imgforge::layer {

Result<std::unique_ptr<Definition>> decode_archive(const document::Node& entry);

}  // namespace imgforge::layer
