#include <algorithm>
#include <random>

#include "fixtures.h"
#include "sign/bundle.h"
#include "sign/cosign.h"
#include "sign/jws.h"
#include "sign/notation.h"
#include "sign/simple_signing.h"
#include "sign/statement.h"
#include "tamper.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

const base::Seconds kNow{1924992000};  // 2031-01-01

TrustRoots everybody() {
  return trust({{"release", signing_key().public_key()}}, {{"platform", chain("good.pem"), {}}});
}

std::vector<Artifact> one_of_each() {
  const SigningKey key = signing_key();
  NotationOptions options;
  options.signing_time = kNow;
  return {REQUIRE_OK(sign_as_bundle(image(), key, {{"a", "b"}}, kNow)),
          REQUIRE_OK(sign_as_legacy(image(), "h/r", key, {{"a", "b"}}, nullptr)),
          REQUIRE_OK(sign_with_notation(image(), key, chain("good.pem"), options)),
          REQUIRE_OK(attest_as_bundle(image(), key, predicate_type::kSpdx, "{\"x\":1}", kNow)),
          REQUIRE_OK(
              attest_as_legacy(image(), "h/r", key, predicate_type::kSpdx, "{\"x\":1}", nullptr))};
}

// What verify() claims, without the digests of the artifacts.
std::string claims(const Verification& found) {
  std::string out;
  for (const VerifiedSignature& signature : found.signatures) {
    out += std::string(to_string(signature.format)) + " " + signature.signer.name + " " +
           signature.signer.key_fingerprint + " " + signature.signer.certificate_subject;
    for (const auto& [key, value] : signature.annotations) out += " " + key + "=" + value;
    if (signature.signed_at) out += " " + base::format_time(*signature.signed_at);
    out += "\n";
  }
  for (const VerifiedAttestation& attestation : found.attestations) {
    out += attestation.signer.name + " " + attestation.predicate_type + " " +
           attestation.predicate + "\n";
  }
  return out;
}

std::string mutate(std::string text, std::mt19937& random) {
  for (int i = 1 + static_cast<int>(random() % 3); i > 0 && !text.empty(); --i) {
    const std::size_t where = random() % text.size();
    switch (random() % 4) {
      case 0:
        text[where] = static_cast<char>(random());
        break;
      case 1:
        text.resize(where);
        break;
      case 2:
        text.insert(where, text.substr(random() % text.size(), random() % 32));
        break;
      default:
        text.erase(where, random() % 8);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("all that is attached is judged together") {
  const std::vector<Artifact> artifacts = one_of_each();
  const Verification found = verify(artifacts, image(), everybody(), kNow);
  REQUIRE(found.signatures.size() == 3);
  CHECK(found.signatures[0].format == Format::bundle);
  CHECK(found.signatures[1].format == Format::legacy);
  CHECK(found.signatures[2].format == Format::notation);
  CHECK(found.attestations.size() == 2);
  CHECK(found.rejected.empty());
  CHECK(require_signature(found, image().digest));
}

TEST_CASE("every name that vouches for a signature is listed") {
  const VerificationKey key = signing_key().public_key();
  const std::vector<Artifact> artifacts = one_of_each();
  const TrustRoots two = trust({{"first", key}, {"second", key}});
  const Verification found = verify({&artifacts[0], 1}, image(), two, kNow);
  REQUIRE(found.signatures.size() == 2);
  CHECK(found.signatures[0].signer.name == "first");
  CHECK(found.signatures[1].signer.name == "second");
}

TEST_CASE("other referrers are passed over") {
  oci::Manifest manifest;
  manifest.artifact_type = "application/spdx+json";
  manifest.config = oci::describe(oci::kEmptyType, oci::kEmptyJson);
  manifest.layers = {oci::describe("application/spdx+json", "{}")};
  manifest.subject = image();
  Artifact sbom;
  sbom.manifest = oci::to_json(manifest);
  Verification found = verify({&sbom, 1}, image(), everybody(), kNow);
  CHECK(claims(found).empty());
  CHECK(found.rejected.empty());
  manifest.layers.clear();
  sbom.manifest = oci::to_json(manifest);
  CHECK(verify({&sbom, 1}, image(), everybody(), kNow).rejected.empty());
  CHECK_FALSE(REQUIRE_OK(recognise(manifest)));
  Artifact index;
  index.media_type = oci::media_type::kIndex;
  index.manifest = oci::to_json(oci::Index{});
  CHECK(verify({&index, 1}, image(), everybody(), kNow).rejected.empty());
}

TEST_CASE("an unsigned image and an untrusted one are told apart") {
  const auto refusal = [](const Verification& found) {
    const auto refused = require_signature(found, image().digest);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::mismatch);
    return refused.error().message();
  };
  CHECK(refusal({}) == "the image " + image().digest.to_string() + " is not signed");
  const std::vector<Artifact> artifacts = one_of_each();
  CHECK_THAT(refusal(verify(artifacts, image(), trust({}), kNow)),
             Contains("it is signed by a key, and no key is trusted (and 4 more)"));
}

TEST_CASE("the attachments of another image are named as such") {
  oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(one_of_each()[0].manifest));
  manifest.subject = other_image();
  Artifact artifact = one_of_each()[0];
  artifact.manifest = oci::to_json(manifest);
  const Verification found = verify({&artifact, 1}, image(), everybody(), kNow);
  CHECK(found.signatures.empty());
  CHECK_THAT(found.rejected.at(0).error.summary(), Contains("a referrer of another image"));
}

TEST_CASE("a referrer is described for the fallback tag") {
  const auto expect = [](const std::string& manifest, const std::string& index) {
    Artifact artifact;
    artifact.manifest = vector(manifest);
    CHECK(REQUIRE_OK(referrer_descriptor(artifact)) ==
          REQUIRE_OK(oci::parse_index(vector(index))).manifests.at(0));
  };
  expect("bundle-manifest-hand.json", "fallback-index-hand.json");
  expect("notation-manifest-hand.json", "notation-fallback-index-hand.json");
}

TEST_CASE("too much of it is refused before it is fetched") {
  oci::Manifest manifest;
  manifest.layers = {oci::describe(media_type::kSimpleSigning, "{}")};
  CHECK(REQUIRE_OK(blobs_to_fetch(manifest)).size() == 1);
  manifest.layers.front().size = std::uint64_t{33} << 20;
  CHECK_FALSE(blobs_to_fetch(manifest));
  manifest.layers.front().size = UINT64_MAX;
  manifest.layers.push_back(manifest.layers.front());
  CHECK_FALSE(blobs_to_fetch(manifest));
  manifest.layers.assign(101, oci::describe(media_type::kSimpleSigning, "{}"));
  CHECK_FALSE(blobs_to_fetch(manifest));
}

TEST_CASE("no mutation of an artifact crashes, or claims what nobody signed") {
  std::mt19937 random(20250520);
  const TrustRoots roots = everybody();
  const oci::Descriptor subject = image();
  for (const Artifact& artifact : one_of_each()) {
    const std::string honest = claims(verify({&artifact, 1}, subject, roots, kNow));
    REQUIRE_FALSE(honest.empty());
    const std::string content = layer_of(artifact);
    int noticed = 0;
    for (int i = 0; i < 1500; ++i) {
      Artifact other = artifact;
      if (i % 3 == 0) {
        other.manifest = mutate(artifact.manifest, random);
      } else {
        other = with_layer(artifact, 0, mutate(content, random));
      }
      const std::string said = claims(verify({&other, 1}, subject, roots, kNow));
      if (!said.empty() && said != honest) FAIL_CHECK(said << "instead of\n" << honest);
      noticed += said.empty();
    }
    CHECK(noticed > 500);
  }
}

TEST_CASE("no cut or mutated document crashes its reader") {
  std::mt19937 random(20250520);
  const Secret passphrase{std::string(kPassphrase)};
  // Whether any reader takes the text.
  const auto read = [&](const std::string& text) {
    (void)needs_passphrase(text, "x");
    const bool taken[] = {parse_bundle(text).has_value(),
                          parse_envelope(text).has_value(),
                          parse_statement(text).has_value(),
                          parse_simple_signing(text).has_value(),
                          open_jws(text).has_value(),
                          parse_certificates(text, "x").has_value(),
                          Certificate::parse_der(text, "x").has_value(),
                          VerificationKey::parse(text, "x").has_value(),
                          VerificationKey::parse_der(text, "x").has_value(),
                          SigningKey::parse_der(text, "x").has_value()};
    return std::find(std::begin(taken), std::end(taken), true) != std::end(taken);
  };
  const std::vector<std::string> documents = {vector("bundle-hand.json"),
                                              vector("notation-envelope-1.3.2-ps256.json"),
                                              vector("legacy-payload.json"),
                                              vector("notation-leaf.crt"),
                                              chain("good.pem").front().der(),
                                              verification_key("pub.pem").der(),
                                              std::string(REQUIRE_OK(signing_key().der()).view())};
  for (const std::string& document : documents) {
    CHECK(read(document));
    // What stays of the document without its last eighth is none.
    for (std::size_t i = 0; i < document.size(); i += 11) {
      const bool taken = read(document.substr(0, i));
      if (i < document.size() / 8 * 7) CHECK_FALSE(taken);
    }
    for (int i = 0; i < 300; ++i) (void)read(mutate(document, random));
  }
  const std::string key = vector("keys/p256.encrypted.pem");
  for (int i = 0; i < 50; ++i) (void)parse_signing_key(mutate(key, random), &passphrase, "x");
}
