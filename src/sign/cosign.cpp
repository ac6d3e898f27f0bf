#include "sign/cosign.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"
#include "sign/bundle.h"
#include "sign/dsse.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"

namespace imgforge::sign {
namespace {

Result<Artifact> make_bundle(const oci::Descriptor& subject, const SigningKey& key,
                             const Statement& statement, base::Seconds created) {
  Bundle bundle;
  bundle.key_hint = key.public_key().hint();
  std::string body = TRY(to_json(statement));
  bundle.envelope = TRY(sign_envelope(kInTotoPayload, std::move(body), key));
  const std::string content = to_json(bundle);

  oci::Manifest manifest;
  manifest.artifact_type = media_type::kSigstoreBundle;
  manifest.config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
  manifest.layers = {oci::describe(media_type::kSigstoreBundle, content)};
  manifest.subject = oci::Descriptor{subject.media_type, subject.digest, subject.size, {}, {}, {}};
  manifest.annotations = {{annotation::kBundleContent, "dsse-envelope"},
                          {annotation::kBundlePredicateType, statement.predicate_type},
                          {annotation::kCreated, base::format_time(created)}};
  Artifact artifact;
  artifact.manifest = oci::to_json(manifest);
  artifact.blobs = {oci::kEmptyJson, content};
  return artifact;
}

Result<> check_predicate_type(const std::string& type) {
  if (type != predicate_type::kCosignSign) return {};
  return fail(Error(Errc::invalid, "the predicate type " + type + " is that of signatures")
                  .hint("use imgforge sign"));
}

Result<oci::Manifest> layers_of(const Artifact* existing) {
  if (existing == nullptr) return oci::Manifest{};
  return base::with_context(oci::parse_manifest(existing->manifest),
                            "reading the signatures that are there");
}

// The image config that the legacy form demands: it names the payloads as if they were layers.
std::string legacy_config(const oci::Manifest& manifest) {
  base::Json diff_ids = base::Json::array();
  for (const oci::Descriptor& layer : manifest.layers) diff_ids.push_back(layer.digest.to_string());
  return base::canonical_json({{"architecture", ""},
                               {"os", ""},
                               {"config", base::Json::object()},
                               {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}}});
}

// The same payload under several signatures is one blob.
void add_blob(Artifact& artifact, std::string content) {
  if (std::find(artifact.blobs.begin(), artifact.blobs.end(), content) == artifact.blobs.end()) {
    artifact.blobs.push_back(std::move(content));
  }
}

Artifact append(oci::Manifest manifest, oci::Descriptor layer, std::string content, oci::Tag tag,
                const Artifact* existing) {
  manifest.layers.push_back(std::move(layer));
  std::string config = legacy_config(manifest);
  manifest.config = oci::describe(oci::media_type::kConfig, config);
  Artifact artifact;
  if (existing != nullptr) artifact.blobs = existing->blobs;
  artifact.manifest = oci::to_json(manifest);
  add_blob(artifact, std::move(content));
  add_blob(artifact, std::move(config));
  artifact.tag = std::move(tag);
  return artifact;
}

bool has_signed(const VerificationKey& key, const oci::Manifest& manifest,
                const oci::Descriptor& layer, const std::string& payload) {
  for (const oci::Descriptor& there : manifest.layers) {
    const auto signature = there.annotations.find(annotation::kSignature);
    if (there.digest != layer.digest || signature == there.annotations.end()) continue;
    const auto bytes = base::from_base64(signature->second);
    if (bytes && key.verify(payload, *bytes, Scheme::cosign)) return true;
  }
  return false;
}

}  // namespace

Result<Artifact> sign_as_bundle(const oci::Descriptor& subject, const SigningKey& key,
                                const std::map<std::string, std::string>& annotations,
                                base::Seconds created) {
  Statement statement;
  statement.subjects = {{"", {{"sha256", subject.digest.hex()}}, annotations}};
  statement.predicate_type = predicate_type::kCosignSign;
  return make_bundle(subject, key, statement, created);
}

Result<Artifact> attest_as_bundle(const oci::Descriptor& subject, const SigningKey& key,
                                  const std::string& type, const std::string& predicate,
                                  base::Seconds created) {
  TRY(check_predicate_type(type));
  Statement statement;
  statement.subjects = {{"", {{"sha256", subject.digest.hex()}}, {}}};
  statement.predicate_type = type;
  statement.predicate = predicate;
  return make_bundle(subject, key, statement, created);
}

Result<Artifact> sign_as_legacy(const oci::Descriptor& subject, const std::string& repository,
                                const SigningKey& key,
                                const std::map<std::string, std::string>& annotations,
                                const Artifact* existing) {
  oci::Manifest manifest = TRY(layers_of(existing));
  std::string payload = to_json(SimpleSigning{repository, subject.digest, annotations});
  oci::Descriptor layer = oci::describe(media_type::kSimpleSigning, payload);
  if (existing != nullptr && has_signed(key.public_key(), manifest, layer, payload)) {
    return *existing;
  }
  layer.annotations[annotation::kSignature] =
      base::to_base64(base::as_bytes(TRY(key.sign(payload, Scheme::cosign))));
  return append(std::move(manifest), std::move(layer), std::move(payload),
                legacy_signature_tag(subject.digest), existing);
}

Result<Artifact> attest_as_legacy(const oci::Descriptor& subject, const std::string& repository,
                                  const SigningKey& key, const std::string& type,
                                  const std::string& predicate, const Artifact* existing) {
  TRY(check_predicate_type(type));
  oci::Manifest manifest = TRY(layers_of(existing));
  Statement statement;
  statement.subjects = {{repository, {{"sha256", subject.digest.hex()}}, {}}};
  statement.predicate_type = type;
  statement.predicate = predicate;
  std::string body = TRY(to_json(statement));
  std::string content = to_json(TRY(sign_envelope(kInTotoPayload, std::move(body), key)));
  oci::Descriptor layer = oci::describe(media_type::kDsseEnvelope, content);
  layer.annotations = {{annotation::kSignature, ""}, {annotation::kPredicateType, type}};
  return append(std::move(manifest), std::move(layer), std::move(content),
                legacy_attestation_tag(subject.digest), existing);
}

}  // namespace imgforge::sign
