#include "fixtures.h"
#include "sign/cosign.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"
#include "tamper.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

const base::Seconds kNow{1764028800};
const std::map<std::string, std::string> kLts = {{"channel", "lts"}};

Verification look(const Artifact& artifact, const VerificationKey& key) {
  return verify({&artifact, 1}, image(), trust({{"release", key}}), kNow);
}

Artifact from_vectors(const std::string& manifest, const std::string& layer) {
  Artifact artifact;
  artifact.manifest = vector(manifest);
  artifact.blobs = {vector(layer)};
  return artifact;
}

oci::Manifest manifest_of(const Artifact& artifact) {
  return REQUIRE_OK(oci::parse_manifest(artifact.manifest));
}

}  // namespace

TEST_CASE("a bundle is a referrer as cosign 3 writes it") {
  const SigningKey key = signing_key();
  const Artifact artifact = REQUIRE_OK(sign_as_bundle(image(), key, kLts, kNow));
  CHECK_FALSE(artifact.tag);
  const oci::Manifest ours = manifest_of(artifact);
  const oci::Manifest theirs =
      REQUIRE_OK(oci::parse_manifest(vector("bundle-manifest-cosign-3.1.1.json")));
  CHECK(ours.artifact_type == theirs.artifact_type);
  CHECK(ours.subject == theirs.subject);
  REQUIRE(ours.layers.size() == 1);
  CHECK(ours.layers[0].media_type == theirs.layers[0].media_type);
  CHECK(ours.config->digest == theirs.config->digest);
  CHECK(ours.annotations.at("dev.sigstore.bundle.predicateType") ==
        theirs.annotations.at("dev.sigstore.bundle.predicateType"));
  CHECK(ours.annotations.at("dev.sigstore.bundle.content") == "dsse-envelope");
  CHECK(ours.annotations.at("org.opencontainers.image.created") == "2025-11-25T00:00:00Z");
  // Everything the manifest names is there to be pushed.
  CHECK(artifact.blob(*ours.config));
  CHECK(artifact.blob(ours.layers[0]));

  const Verification found = look(artifact, key.public_key());
  REQUIRE(found.signatures.size() == 1);
  CHECK(found.signatures[0].format == Format::bundle);
  CHECK(found.signatures[0].signer.name == "release");
  CHECK(found.signatures[0].signer.key_fingerprint == key.public_key().fingerprint());
  CHECK(found.signatures[0].annotations == kLts);
  CHECK(found.signatures[0].artifact == artifact.digest());
  CHECK(found.rejected.empty());
}

TEST_CASE("bundles of cosign 3 and by hand verify") {
  for (const char* kind : {"cosign-3.1.1", "hand"}) {
    const Artifact artifact = from_vectors("bundle-manifest-" + std::string(kind) + ".json",
                                           "bundle-" + std::string(kind) + ".json");
    CHECK(look(artifact, verification_key("pub.pem")).signatures.size() == 1);
    const Verification stranger = look(artifact, signing_key().public_key());
    CHECK(stranger.signatures.empty());
    REQUIRE(stranger.rejected.size() == 1);
    CHECK(stranger.rejected[0].error.code() == Errc::mismatch);
    CHECK_THAT(stranger.rejected[0].error.message(),
               Contains("tried: release (" +
                        signing_key().public_key().fingerprint().substr(0, 12) + ")"));
  }
}

TEST_CASE("a legacy signature by hand verifies, and one without its payload does not") {
  const Artifact artifact = from_vectors("legacy-sig-manifest.json", "legacy-payload.json");
  const Verification found = look(artifact, verification_key("pub.pem"));
  REQUIRE(found.signatures.size() == 1);
  CHECK(found.signatures[0].format == Format::legacy);
  CHECK(found.signatures[0].annotations == kLts);
  const Artifact other =
      from_vectors("legacy-sig-manifest-cosign-2.5.0.json", "legacy-payload.json");
  CHECK_THAT(look(other, verification_key("pub.pem")).rejected.at(0).error.message(),
             Contains("is missing, or other than its manifest says"));
}

TEST_CASE("legacy signatures gather under one tag") {
  const SigningKey first = signing_key();
  const SigningKey second = signing_key("rsa2048.pkcs8.pem");
  const Artifact one = REQUIRE_OK(sign_as_legacy(image(), "h/r", first, kLts, nullptr));
  CHECK(one.tag->to_string() == "sha256-" + image().digest.hex() + ".sig");
  const Artifact two = REQUIRE_OK(sign_as_legacy(image(), "h/r", second, kLts, &one));
  const oci::Manifest manifest = manifest_of(two);
  REQUIRE(manifest.layers.size() == 2);
  CHECK(manifest.layers[0].digest ==
        manifest.layers[1].digest);  // the same payload, two signatures
  CHECK(manifest.layers[0] == manifest_of(one).layers[0]);
  CHECK(two.blobs.size() == 3);  // the payload, and a config for one and for two signatures
  for (const SigningKey* key : {&first, &second}) {
    const Verification found = look(two, key->public_key());
    CHECK(found.signatures.size() == 1);
    CHECK(found.rejected.size() == 1);  // the other's
  }
  // The config names as many layers as there are.
  const auto config = base::Json::parse(REQUIRE_OK(two.blob(*manifest.config)));
  CHECK(config["rootfs"]["diff_ids"].size() == 2);

  const Artifact again = REQUIRE_OK(sign_as_legacy(image(), "h/r", first, kLts, &two));
  CHECK(again.manifest == two.manifest);  // nothing to add
  const Artifact third = REQUIRE_OK(sign_as_legacy(image(), "h/r", first, {}, &two));
  CHECK(manifest_of(third).layers.size() == 3);  // other annotations, another payload
}

TEST_CASE("signing keeps the annotations of signatures that others made") {
  Artifact theirs = from_vectors("legacy-sig-manifest-cosign-2.5.0.json", "legacy-payload.json");
  const Artifact both = REQUIRE_OK(sign_as_legacy(image(), "h/r", signing_key(), {}, &theirs));
  CHECK(manifest_of(both).layers.at(0) == manifest_of(theirs).layers.at(0));
  CHECK(look(both, signing_key().public_key()).signatures.size() == 1);
  theirs.manifest = "[]";
  const auto broken = sign_as_legacy(image(), "h/r", signing_key(), {}, &theirs);
  REQUIRE_FALSE(broken);
  CHECK_THAT(broken.error().summary(), Contains("reading the signatures that are there"));
}

TEST_CASE("attestations are attestations, whatever cosign verify says") {
  const SigningKey key = signing_key();
  const std::string predicate = R"({"buildDefinition":{"buildType":"x"}})";
  const Artifact bundle =
      REQUIRE_OK(attest_as_bundle(image(), key, predicate_type::kSlsaProvenance1, predicate, kNow));
  const Artifact legacy = REQUIRE_OK(
      attest_as_legacy(image(), "h/r", key, predicate_type::kSlsaProvenance1, predicate, nullptr));
  CHECK(legacy.tag->to_string() == "sha256-" + image().digest.hex() + ".att");
  CHECK(manifest_of(legacy).layers.at(0).annotations.at("predicateType") ==
        predicate_type::kSlsaProvenance1);
  for (const Artifact* artifact : {&bundle, &legacy}) {
    const Verification found = look(*artifact, key.public_key());
    CHECK(found.signatures.empty());
    REQUIRE(found.attestations.size() == 1);
    CHECK(found.attestations[0].predicate_type == predicate_type::kSlsaProvenance1);
    CHECK(found.attestations[0].predicate == predicate);
    const auto signed_by_nobody = require_signature(found, image().digest);
    REQUIRE_FALSE(signed_by_nobody);
    CHECK(signed_by_nobody.error().code() == Errc::mismatch);
    CHECK_THAT(signed_by_nobody.error().message(), Contains("an attestation is no signature"));
  }
  const Artifact more =
      REQUIRE_OK(attest_as_legacy(image(), "h/r", key, predicate_type::kSpdx, "{}", &legacy));
  CHECK(look(more, key.public_key()).attestations.size() == 2);
}

TEST_CASE("an attestation cannot be made or moved to pass for a signature") {
  const SigningKey key = signing_key();
  CHECK_FALSE(attest_as_bundle(image(), key, predicate_type::kCosignSign, "{}", kNow));
  CHECK_FALSE(attest_as_legacy(image(), "h/r", key, predicate_type::kCosignSign, "{}", nullptr));
  // A signature's envelope in the legacy place of attestations stays no signature.
  const Artifact bundle = REQUIRE_OK(sign_as_bundle(image(), key, {}, kNow));
  const std::string envelope = base::Json::parse(layer_of(bundle))["dsseEnvelope"].dump();
  const Artifact legacy =
      REQUIRE_OK(attest_as_legacy(image(), "h/r", key, predicate_type::kSpdx, "{}", nullptr));
  const Verification found = look(with_layer(legacy, 0, envelope), key.public_key());
  CHECK(found.signatures.empty());
}

TEST_CASE("a signature is for one image") {
  const SigningKey key = signing_key();
  const Artifact bundle = REQUIRE_OK(sign_as_bundle(image(), key, {}, kNow));
  const Artifact legacy = REQUIRE_OK(sign_as_legacy(image(), "h/r", key, {}, nullptr));
  for (const Artifact* artifact : {&bundle, &legacy}) {
    const Verification found =
        verify({artifact, 1}, other_image(), trust({{"release", key.public_key()}}), kNow);
    CHECK(found.signatures.empty());
    REQUIRE(found.rejected.size() == 1);
    CHECK(found.rejected[0].error.code() == Errc::mismatch);
    CHECK_THAT(found.rejected[0].error.summary(), Contains(other_image().digest.to_string()));
  }
  // Also when the manifest is made to point at the other image.
  oci::Manifest moved = manifest_of(bundle);
  moved.subject = other_image();
  Artifact artifact = bundle;
  artifact.manifest = oci::to_json(moved);
  const Verification found =
      verify({&artifact, 1}, other_image(), trust({{"release", key.public_key()}}), kNow);
  CHECK(found.signatures.empty());
  CHECK_THAT(found.rejected.at(0).error.message(), Contains("the signed statement is about"));
}

// What is unsigned by design may be changed by anybody who can write to the registry; these are all
// such places, and nothing that verify() reports comes from them.
TEST_CASE("every change of a bundle is noticed, but of its hint") {
  const SigningKey key = signing_key();
  const Artifact artifact = REQUIRE_OK(sign_as_bundle(image(), key, kLts, kNow));
  std::set<std::string> unnoticed;
  for_each_change(layer_of(artifact), [&](const std::string& pointer, const std::string& changed) {
    const Verification found = look(with_layer(artifact, 0, changed), key.public_key());
    CHECK(found.signatures.size() + found.rejected.size() == 1);
    if (!found.signatures.empty()) unnoticed.insert(pointer);
  });
  CHECK(unnoticed == std::set<std::string>{"/verificationMaterial/publicKey/hint"});
}

TEST_CASE("every change of a bundle's manifest is noticed, or says nothing") {
  const SigningKey key = signing_key();
  const Artifact artifact = REQUIRE_OK(sign_as_bundle(image(), key, kLts, kNow));
  std::set<std::string> unnoticed;
  for_each_change(artifact.manifest, [&](const std::string& pointer, const std::string& changed) {
    Artifact other = artifact;
    other.manifest = changed;
    if (!look(other, key.public_key()).signatures.empty()) unnoticed.insert(pointer);
  });
  CHECK(unnoticed == std::set<std::string>{"/annotations/dev.sigstore.bundle.content",
                                           "/annotations/dev.sigstore.bundle.predicateType",
                                           "/annotations/org.opencontainers.image.created",
                                           "/artifactType", "/config/mediaType", "/config/size",
                                           "/subject/mediaType", "/subject/size"});
}

TEST_CASE("every change of a legacy signature is noticed") {
  const SigningKey key = signing_key();
  const Artifact artifact = REQUIRE_OK(sign_as_legacy(image(), "h/r", key, kLts, nullptr));
  for_each_change(layer_of(artifact), [&](const std::string& pointer, const std::string& changed) {
    INFO(pointer);
    const Verification found = look(with_layer(artifact, 0, changed), key.public_key());
    CHECK(found.signatures.empty());
    CHECK(found.rejected.size() == 1);
  });
  std::set<std::string> unnoticed;
  for_each_change(artifact.manifest, [&](const std::string& pointer, const std::string& changed) {
    Artifact other = artifact;
    other.manifest = changed;
    if (!look(other, key.public_key()).signatures.empty()) unnoticed.insert(pointer);
  });
  CHECK(unnoticed == std::set<std::string>{"/config/mediaType", "/config/size"});
}

TEST_CASE("a signed payload of another type is no signature") {
  const SigningKey key = signing_key();
  const Artifact artifact = REQUIRE_OK(sign_as_legacy(image(), "h/r", key, {}, nullptr));
  const std::string payload = base::replace_all(layer_of(artifact), "cosign container", "other");
  Artifact other = with_layer(artifact, 0, payload);
  oci::Manifest manifest = manifest_of(other);
  manifest.layers[0].annotations[annotation::kSignature] =
      base::to_base64(base::as_bytes(REQUIRE_OK(key.sign(payload, Scheme::cosign))));
  other.manifest = oci::to_json(manifest);
  const Verification found = look(other, key.public_key());
  CHECK(found.signatures.empty());
  CHECK_THAT(found.rejected.at(0).error.message(), Contains("payload.critical.type is not"));
}
