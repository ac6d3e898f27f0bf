// Which image of an index is the one for a platform (image-spec v1.1.1, image-index.md "platform").
#pragma once

#include "oci/image.h"

namespace imgforge::content {

/// The first entry of that system and architecture whose variant fits: the wanted one, or, where
/// none is wanted, the plain one before any other. Entries that are no images (attestations) are
/// passed over. not_found names the platforms that there are; `name` is the index for that.
Result<oci::Descriptor> choose_platform(const oci::Index& index, const oci::Platform& platform,
                                        const std::string& name);

}  // namespace imgforge::content
