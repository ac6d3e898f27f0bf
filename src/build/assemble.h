// Layers to an image: config and manifest as values. Pure; the same input gives the same bytes.
#pragma once

#include <string>
#include <vector>

#include "build/plan.h"
#include "oci/image.h"

namespace imgforge::build {

/// Annotation and label names of our own (image-spec v1.1.1, annotations.md: reverse domain).
inline constexpr const char* kTagAnnotation = "io.imgforge.tag";
inline constexpr const char* kLockAnnotation = "io.imgforge.lock";  // digest of the locked layers
inline constexpr const char* kSpecAnnotation = "io.imgforge.spec";  // digest of the parsed spec
inline constexpr const char* kComponentPrefix = "io.imgforge.component.";  // + name = version
inline constexpr const char* kLayerId = "io.imgforge.layer.id";            // on layer descriptors
inline constexpr const char* kLayerTitle = "io.imgforge.layer.title";
inline constexpr const char* kLayerKind = "io.imgforge.layer.kind";

struct AssembledImage {
  std::string config_json;
  std::string manifest_json;
  std::vector<store::BuiltLayer> layers;  // those that are in the image
};

Result<AssembledImage> assemble(const spec::ImageSpec& spec, const spec::Lock& lock,
                                const Plan& plan, const std::vector<store::BuiltLayer>& built);

/// sha256 over the locked layers: what was put in, without records or tool versions.
std::string lock_identity(const spec::Lock& lock);

}  // namespace imgforge::build
