// Judges what is attached to an image: which signatures and attestations are by somebody trusted,
// and why the others are not. A function from values to values; what must be there is the trust
// policy's question (trust_policy.h).
//
// A signature and an attestation are different things: an image that has nothing but provenance,
// even by a trusted key, is unsigned here (cosign verify would pass it).
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/artifact.h"
#include "sign/certificate.h"
#include "sign/key.h"

namespace imgforge::sign {

enum class Format { legacy, bundle, notation };
std::string_view to_string(Format format);
Result<Format> parse_format(std::string_view text);

/// A key under the name that people know it by.
struct TrustedKey {
  std::string name;
  VerificationKey key;
};

/// Certificates that vouch for signers: a chain that contains one of them is trusted, if its leaf
/// has one of the subjects (any, when there are none).
struct TrustedAuthority {
  std::string name;
  std::vector<Certificate> certificates;
  std::vector<std::string> subjects;
};

struct TrustRoots {
  std::vector<TrustedKey> keys;
  std::vector<TrustedAuthority> authorities;
};

struct Signer {
  std::string name;  // of the trusted key or authority
  std::string key_fingerprint;
  std::string certificate_subject;  // empty for bare keys
};

struct VerifiedSignature {
  Format format = Format::legacy;
  Signer signer;
  std::optional<base::Seconds> signed_at;  // as the signer claims; cosign does not say
  std::map<std::string, std::string> annotations;
  oci::Digest artifact;  // of the manifest that holds it
};

struct VerifiedAttestation {
  Format format = Format::legacy;
  Signer signer;
  std::string predicate_type;
  std::string predicate;  // JSON
  oci::Digest artifact;
};

/// Something that looks like a signature and does not count.
struct Rejected {
  oci::Digest artifact;
  Error error;
};

struct Verification {
  std::vector<VerifiedSignature> signatures;
  std::vector<VerifiedAttestation> attestations;
  std::vector<Rejected> rejected;
};

/// `now` decides what has expired. Artifacts that are none of ours are passed over. A signature
/// that several names can vouch for is listed once for each.
Verification verify(std::span<const Artifact> artifacts, const oci::Descriptor& subject,
                    const TrustRoots& trust, base::Seconds now);

/// Errc::mismatch when there is no signature at all, saying what there was instead.
Result<> require_signature(const Verification& verification, const oci::Digest& subject);

}  // namespace imgforge::sign
