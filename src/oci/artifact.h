// What the manifests of artifacts have in common (image-spec v1.1.1, manifest.md).
#pragma once

#include <string>
#include <string_view>

#include "oci/descriptor.h"

namespace imgforge::oci {

/// The empty config of an artifact ("Guidance for an Empty Descriptor"): its type and content.
inline constexpr const char* kEmptyType = "application/vnd.oci.empty.v1+json";
inline constexpr const char* kEmptyJson = "{}";

/// A descriptor of `content`, without annotations.
Descriptor describe(std::string media_type, std::string_view content);

}  // namespace imgforge::oci
