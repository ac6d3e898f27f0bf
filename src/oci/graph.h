// How documents of an image point at each other: the one place that knows which media types have
// children. Source: image-spec v1.1.1, media-types.md "Relations between media types".
#pragma once

#include <string_view>
#include <vector>

#include "oci/descriptor.h"

namespace imgforge::oci {

/// An image manifest, OCI or Docker schema 2.
bool is_manifest(std::string_view media_type);
/// An image index, OCI or Docker's manifest list.
bool is_index(std::string_view media_type);

/// What the document of that media type names, in its order: of a manifest the config, then the
/// layers; of an index the manifests; of everything else nothing. A manifest's `subject` is not
/// among them: the artifact points at the image, and does not need it to be whole.
Result<std::vector<Descriptor>> successors(std::string_view media_type, std::string_view json);

}  // namespace imgforge::oci
