#include "sign/artifact.h"

namespace imgforge::sign {
namespace {

constexpr std::size_t kMaximumLayers = 100;
constexpr std::uint64_t kMaximumBytes = std::uint64_t{32} << 20;  // notation's limit too
constexpr std::string_view kBundlePrefix = "application/vnd.dev.sigstore.bundle";

oci::Tag legacy_tag(const oci::Digest& subject, const char* suffix) {
  // 71 + 4 characters of [a-z0-9.-]: always a tag.
  return *oci::Tag::parse("sha256-" + subject.hex() + suffix);
}

}  // namespace

Result<std::string_view> Artifact::blob(const oci::Descriptor& descriptor) const {
  for (const std::string& content : blobs) {
    if (content.size() == descriptor.size && oci::Digest::of(content) == descriptor.digest) {
      return std::string_view(content);
    }
  }
  return fail(Errc::mismatch, "the signature's content " + descriptor.digest.to_string() +
                                  " is missing, or other than its manifest says");
}

Result<oci::Descriptor> referrer_descriptor(const Artifact& artifact) {
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest));
  oci::Descriptor out = oci::describe(artifact.media_type, artifact.manifest);
  out.annotations = manifest.annotations;
  out.artifact_type = manifest.artifact_type;
  if (out.artifact_type.empty() && manifest.config) out.artifact_type = manifest.config->media_type;
  return out;
}

Result<std::optional<ArtifactForm>> recognise(const oci::Manifest& manifest) {
  if (manifest.layers.empty()) return std::nullopt;
  const std::string& type = manifest.layers.front().media_type;
  if (manifest.layers.size() == 1 && type.starts_with(kBundlePrefix)) {
    return ArtifactForm::sigstore_bundle;
  }
  const bool notation =
      manifest.artifact_type == media_type::kNotationSignature ||
      (manifest.config && manifest.config->media_type == media_type::kNotationSignature);
  if (notation && type == media_type::kCose) {
    return fail(Error(Errc::unsupported, "this notation signature is in COSE, and not in JWS")
                    .hint("sign with: notation sign --signature-format jws"));
  }
  if (notation && manifest.layers.size() == 1 && type == media_type::kJws) {
    return ArtifactForm::notation;
  }
  for (const oci::Descriptor& layer : manifest.layers) {
    if (layer.media_type == media_type::kSimpleSigning) return ArtifactForm::legacy_signatures;
    if (layer.media_type == media_type::kDsseEnvelope) return ArtifactForm::legacy_attestations;
  }
  return std::nullopt;
}

Result<std::vector<oci::Descriptor>> blobs_to_fetch(const oci::Manifest& manifest) {
  std::uint64_t sum = 0;
  for (const oci::Descriptor& layer : manifest.layers) {
    if (layer.size > kMaximumBytes || (sum += layer.size) > kMaximumBytes) {
      return fail(Errc::invalid, "the signatures are larger than 32 MiB");
    }
  }
  if (manifest.layers.size() > kMaximumLayers) {
    return fail(Errc::invalid, "there are more than 100 signatures in one manifest");
  }
  return manifest.layers;
}

oci::Tag legacy_signature_tag(const oci::Digest& subject) { return legacy_tag(subject, ".sig"); }
oci::Tag legacy_attestation_tag(const oci::Digest& subject) { return legacy_tag(subject, ".att"); }

}  // namespace imgforge::sign
