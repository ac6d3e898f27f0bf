// What points at an image and travels with it: referrers (distribution-spec v1.1.1), and what
// cosign keeps under tags made of the image's digest (cosign 2, "legacy" signatures, attestations,
// SBOMs).
#pragma once

#include "content/pusher.h"

namespace imgforge::content {

struct Referrer {
  oci::Digest subject;
  Document document;
  std::string tag;  // of cosign's; empty: a referrer
};

/// "sha256-HEX.sig"; `kind` is sig, att or sbom.
std::string cosign_tag(const oci::Digest& subject, const std::string& kind);

/// Everything that points at one of `images`, and what points at that, each once: before it what it
/// points at.
Result<std::vector<Referrer>> find_referrers(Origin& origin,
                                             const std::vector<oci::Descriptor>& images,
                                             std::size_t parallel, std::stop_token stop);

/// Copies all of them, and then looks whether the target lists them: mismatch if not.
Result<std::vector<oci::Descriptor>> copy_referrers(Origin& origin, Target& target, Pusher& pusher,
                                                    const std::vector<oci::Descriptor>& images,
                                                    std::size_t parallel, std::stop_token stop);

}  // namespace imgforge::content
