// The inventory as a CycloneDX 1.5 document in JSON. What is in it and why: docs/formats/sbom.md.
#pragma once

#include <string>

#include "evidence/image.h"
#include "evidence/package.h"

namespace imgforge::evidence {

inline constexpr const char* kCycloneDxMediaType = "application/vnd.cyclonedx+json";
/// in-toto predicate type of the document.
inline constexpr const char* kCycloneDxPredicate = "https://cyclonedx.org/bom";

/// Sorted keys, two spaces, a final newline. The same image and tool give the same bytes.
std::string to_cyclonedx(const Inventory& inventory, const Image& image, const Tool& tool);

}  // namespace imgforge::evidence
