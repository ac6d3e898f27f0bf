// A document whose identity is its bytes: a manifest, an index or an artifact as it was received,
// never written anew.
#pragma once

#include <string>

#include "oci/descriptor.h"

namespace imgforge::content {

struct Document {
  oci::Descriptor descriptor;  // media type, digest, size
  std::string bytes;
};

}  // namespace imgforge::content
