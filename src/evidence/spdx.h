// The inventory as an SPDX 2.3 document in JSON. What is in it and why: docs/formats/sbom.md.
#pragma once

#include <string>

#include "evidence/image.h"
#include "evidence/package.h"

namespace imgforge::evidence {

inline constexpr const char* kSpdxMediaType = "application/spdx+json";
/// in-toto predicate type of the document.
inline constexpr const char* kSpdxPredicate = "https://spdx.dev/Document";

/// Sorted keys, two spaces, a final newline. The same image and tool give the same bytes.
std::string to_spdx(const Inventory& inventory, const Image& image, const Tool& tool);

}  // namespace imgforge::evidence
