// Collects what is known about an image in a repository. Reads only. What cannot be verified is
// evidence of its own and never an Error; a registry that does not answer is one.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <variant>
#include <vector>

#include "release/channel_policy.h"
#include "release/evidence.h"
#include "release/trust.h"

namespace imgforge::release {

/// Who verifies, reads and signs for a promotion.
struct Tools {
  Verifier verify;
  ProbeReader probe;
  RecordSigner sign;         // may be empty where nothing is written
  std::size_t parallel = 8;  // requests at once
};

/// What stands beside one image, verified.
struct Beside {
  std::vector<Artifact> artifacts;  // manifests only
  Verification verification;
};
Result<Beside> look_beside(Repository& repository, const oci::Descriptor& image,
                           const std::string& trust, const Tools& tools, std::stop_token stop);

/// An image as it is asked for.
using ImageName = std::variant<oci::Tag, oci::Digest>;

/// Its manifest, verified; Errc::not_found names what there is.
Result<RawManifest> find_image(Repository& repository, const ImageName& name);

/// The build tag that an image says of itself (annotation io.imgforge.tag, else
/// org.opencontainers.image.version), if that tag names this image in the repository.
Result<std::optional<BuildTag>> build_tag_of(Repository& repository, const RawManifest& image);

/// org.opencontainers.image.created; nullopt where nothing says it.
std::optional<base::Seconds> created_of(const RawManifest& image);

/// Everything the gates of `channel` look at, with what was found beside the image.
struct Gathered {
  Candidate candidate;
  Beside beside;
};
Result<Gathered> gather(Repository& repository, const Channel& channel, const RawManifest& image,
                        const Tools& tools, std::stop_token stop);

}  // namespace imgforge::release
