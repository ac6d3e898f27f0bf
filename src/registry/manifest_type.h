// What kind of manifest a document is, by what its server says and what it says itself. The two
// must not disagree: two readers could take it for different images (image-spec advisory
// GHSA-77vh-xpmg-72qh).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::registry {

/// The media type of an image manifest or index, OCI or Docker schema 2. `content_type` may be
/// empty or one that says nothing (application/json). protocol: the two disagree, or it is no
/// manifest at all; unsupported: Docker schema 1. `name` is the document for the message.
Result<std::string> manifest_type(std::string_view document, std::string_view content_type,
                                  const std::string& name);

}  // namespace imgforge::registry
