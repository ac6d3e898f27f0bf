// Cosign's key-pair signatures and attestations as artifacts to attach. Two forms: the legacy tag
// (cosign 1 and 2, every Harbor) and the sigstore bundle (cosign 3, Harbor from 2.15). Cosign 3
// looks at bundles first, and at the legacy tag only when there is no bundle.
#pragma once

#include <map>
#include <string>

#include "base/error.h"
#include "base/time.h"
#include "sign/artifact.h"
#include "sign/key.h"

namespace imgforge::sign {

/// A signature as a referrer. `annotations` are signed ("cosign sign -a"); `created` is not.
Result<Artifact> sign_as_bundle(const oci::Descriptor& subject, const SigningKey& key,
                                const std::map<std::string, std::string>& annotations,
                                base::Seconds created);

/// A statement about `subject` as a referrer. `predicate` is the JSON of an object. Errc::invalid
/// for cosign's own predicate type of signatures: an attestation is no signature.
Result<Artifact> attest_as_bundle(const oci::Descriptor& subject, const SigningKey& key,
                                  const std::string& predicate_type, const std::string& predicate,
                                  base::Seconds created);

/// The manifest for the tag legacy_signature_tag(): `existing` (null when the tag is not there)
/// with one signature more; unchanged when this key has signed the same payload already. The new
/// blobs come on top of those in `existing`. `repository` is "host/path". Reading, appending and
/// writing the tag races with other signers: compare before and after.
Result<Artifact> sign_as_legacy(const oci::Descriptor& subject, const std::string& repository,
                                const SigningKey& key,
                                const std::map<std::string, std::string>& annotations,
                                const Artifact* existing);

/// The same for legacy_attestation_tag(); an attestation is always appended.
Result<Artifact> attest_as_legacy(const oci::Descriptor& subject, const std::string& repository,
                                  const SigningKey& key, const std::string& predicate_type,
                                  const std::string& predicate, const Artifact* existing);

namespace annotation {
inline constexpr const char* kSignature = "dev.cosignproject.cosign/signature";
inline constexpr const char* kPredicateType = "predicateType";
inline constexpr const char* kBundleContent = "dev.sigstore.bundle.content";
inline constexpr const char* kBundlePredicateType = "dev.sigstore.bundle.predicateType";
inline constexpr const char* kCreated = "org.opencontainers.image.created";
}  // namespace annotation

}  // namespace imgforge::sign
