// What is attached to an image: a manifest with its blobs, as raw bytes. Our own are made here to
// be pushed (blobs, then the manifest: under its tag if it has one, else by digest as a referrer);
// foreign ones are fetched and given here to be verified.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "oci/artifact.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace imgforge::sign {

struct Artifact {
  std::string manifest;  // the JSON, byte for byte
  std::string media_type = oci::media_type::kManifest;
  std::vector<std::string> blobs;  // contents, in any order
  std::optional<oci::Tag> tag;     // legacy forms are found by it

  oci::Digest digest() const { return oci::Digest::of(manifest); }
  /// The content of a blob by digest and size; Errc::mismatch when it is not among `blobs`.
  Result<std::string_view> blob(const oci::Descriptor& descriptor) const;
};

/// What stands for a referrer in the index of the fallback tag (distribution-spec v1.1.1,
/// "Referrers Tag Schema"): with the manifest's annotations and its artifactType, or the config's
/// media type where it has none.
Result<oci::Descriptor> referrer_descriptor(const Artifact& artifact);

enum class ArtifactForm {
  sigstore_bundle,      // a signature or an attestation, as a referrer
  legacy_signatures,    // cosign's tag .sig
  legacy_attestations,  // cosign's tag .att
  notation,
};

/// Which form the manifest has, or nullopt when it is none of ours (another referrer: its blobs
/// need not be fetched). Goes by what is in the manifest: descriptors in a fallback index written
/// by cosign 3 have a wrong artifactType. Errc::unsupported for what signs, but not in a form known
/// here (notation's COSE).
Result<std::optional<ArtifactForm>> recognise(const oci::Manifest& manifest);

/// The layers that verifying needs. Errc::invalid above 100 of them or 32 MiB in sum.
Result<std::vector<oci::Descriptor>> blobs_to_fetch(const oci::Manifest& manifest);

/// "sha256-<hex>.sig" and "sha256-<hex>.att".
oci::Tag legacy_signature_tag(const oci::Digest& subject);
oci::Tag legacy_attestation_tag(const oci::Digest& subject);

namespace media_type {
inline constexpr const char* kSimpleSigning = "application/vnd.dev.cosign.simplesigning.v1+json";
inline constexpr const char* kDsseEnvelope = "application/vnd.dsse.envelope.v1+json";
inline constexpr const char* kSigstoreBundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
inline constexpr const char* kNotationSignature = "application/vnd.cncf.notary.signature";
inline constexpr const char* kJws = "application/jose+json";
inline constexpr const char* kCose = "application/cose";
}  // namespace media_type

}  // namespace imgforge::sign
