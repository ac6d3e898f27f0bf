// What points to content (image-spec v1.1.1, descriptor.md), and the platform it is for.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "oci/digest.h"

namespace imgforge::oci {

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";  // GOARCH values
  std::string variant;
  /// "linux/amd64", "linux/arm64/v8"; what `uname -m` says (x86_64) is refused with the right name.
  static Result<Platform> parse(std::string_view text);
  std::string to_string() const;
  bool operator==(const Platform&) const = default;
};

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;
  std::string artifact_type;
  bool operator==(const Descriptor&) const = default;
};

/// Sorted keys, no spaces; what is empty is left out. For codecs that hold descriptors.
std::string to_json(const Descriptor& descriptor);
/// Tolerant of unknown keys.
Result<Descriptor> parse_descriptor(std::string_view json);

namespace media_type {
inline constexpr const char* kManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char* kIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr const char* kConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr const char* kLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr const char* kLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr const char* kLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr const char* kDockerManifest =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr const char* kDockerManifestList =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr const char* kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr const char* kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
}  // namespace media_type

}  // namespace imgforge::oci
