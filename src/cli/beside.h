// What stands beside an image, between the two rooms that know it: signing (documents) and
// releasing (repositories).
#pragma once

#include <functional>
#include <vector>

#include "release/repository.h"
#include "sign/artifact.h"
#include "sign/verify.h"

namespace imgforge::cli {

sign::Artifact to_sign(const release::Artifact& artifact);
/// With the blobs in the manifest's order.
Result<release::Artifact> to_release(const sign::Artifact& artifact);

/// Signatures and attestations with their contents; nothing else is fetched. What is damaged is in
/// `unreadable`; a registry that does not answer is an Error.
struct Beside {
  std::vector<sign::Artifact> artifacts;
  std::vector<sign::Rejected> unreadable;
};
Result<Beside> fetch_beside(release::Repository& repository, const oci::Digest& image,
                            std::stop_token stop);

/// Rewrites a tag that many write (cosign's .sig and .att): `append` gets what is there, or null,
/// and gives what shall be there, or the same. Looked at before and after; when somebody else wrote
/// in between, it is done again on top of theirs. False: nothing had to be written.
using Append = std::function<Result<sign::Artifact>(const sign::Artifact* existing)>;
Result<bool> append_to_tag(release::Repository& repository, const oci::Tag& tag,
                           const Append& append);

}  // namespace imgforge::cli
