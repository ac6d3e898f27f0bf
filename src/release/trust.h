// The doors to whoever knows keys: releasing asks that something be verified or signed, and never
// holds a key.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "release/evidence.h"
#include "release/repository.h"

namespace imgforge::release {

/// Verifies what stands beside `image` (its blobs fetched) under the trust policy of that name.
/// What does not verify is in `problems`, not an Error: an Error means that nothing can be said
/// (no such trust policy, an unreadable key). A statement counts for its subject alone: one about
/// another digest is a problem. An empty policy name: whoever is known; nothing is trusted.
using Verifier = std::function<Result<Verification>(
    const std::string& trust_policy, const std::string& repository, const oci::Descriptor& image,
    std::span<const Artifact> beside)>;

/// Signs an in-toto statement about `subject` with this predicate: referrers, ready to attach.
using RecordSigner = std::function<Result<std::vector<Artifact>>(
    const oci::Descriptor& subject, const std::string& repository,
    const std::string& predicate_type, const std::string& predicate)>;

/// Reads the attestation of a probe report.
struct ProbeReader {
  std::string predicate_type;
  std::function<Result<ProbeReport>(std::string_view predicate)> read;
};

}  // namespace imgforge::release
