#include "fixtures.h"
#include "sign/jws.h"
#include "sign/notation.h"
#include "tamper.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

const char* const kSigned = "2030-01-01T00:00:00Z";

TrustRoots trusting(const std::vector<Certificate>& certificates,
                    std::vector<std::string> subjects = {}) {
  return trust({}, {{"platform", certificates, std::move(subjects)}});
}

std::vector<Certificate> root_of(const std::string& name) { return {chain(name).back()}; }

Verification look(const Artifact& artifact, const TrustRoots& roots,
                  const char* now = "2030-06-01T00:00:00Z") {
  return verify({&artifact, 1}, image(), roots, at(now));
}

NotationOptions options() {
  NotationOptions out;
  out.signing_time = at(kSigned);
  out.expiry = at("2031-01-01T00:00:00Z");
  out.annotations = {{"channel", "lts"}};
  out.agent = "imgforge/test";
  return out;
}

Artifact sign_good() {
  return REQUIRE_OK(sign_with_notation(image(), signing_key(), chain("good.pem"), options()));
}

Artifact from_vectors(const std::string& manifest, const std::string& envelope) {
  Artifact artifact;
  artifact.manifest = vector(manifest);
  artifact.blobs = {vector(envelope)};
  return artifact;
}

std::string rejection(const Verification& found) {
  CHECK(found.signatures.empty());
  REQUIRE(found.rejected.size() == 1);
  return std::string(base::to_string(found.rejected[0].error.code())) + ": " +
         found.rejected[0].error.summary();
}

}  // namespace

TEST_CASE("a notation signature is a referrer as notation writes it") {
  const Artifact artifact = sign_good();
  const oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest));
  CHECK(manifest.config->media_type == "application/vnd.cncf.notary.signature");
  CHECK(manifest.layers.at(0).media_type == "application/jose+json");
  CHECK(manifest.subject == image());
  const auto certificates = chain("good.pem");
  CHECK(manifest.annotations.at("io.cncf.notary.x509chain.thumbprint#S256") ==
        "[\"" + certificates[0].fingerprint() + "\",\"" + certificates[1].fingerprint() + "\",\"" +
            certificates[2].fingerprint() + "\"]");
  const auto jws = base::Json::parse(layer_of(artifact));
  CHECK(*base::from_base64(jws["protected"].get<std::string>()) ==
        R"({"alg":"ES256","crit":["io.cncf.notary.signingScheme","io.cncf.notary.expiry"],)"
        R"("cty":"application/vnd.cncf.notary.payload.v1+json",)"
        R"("io.cncf.notary.expiry":"2031-01-01T00:00:00Z",)"
        R"("io.cncf.notary.signingScheme":"notary.x509",)"
        R"("io.cncf.notary.signingTime":"2030-01-01T00:00:00Z"})");
  CHECK(jws["header"]["io.cncf.notary.signingAgent"] == "imgforge/test");

  const Verification found = look(artifact, trusting(root_of("good.pem")));
  REQUIRE(found.signatures.size() == 1);
  CHECK(found.signatures[0].format == Format::notation);
  CHECK(found.signatures[0].signer.name == "platform");
  CHECK(found.signatures[0].signer.certificate_subject == "CN=signer,O=imgforge,ST=WA,C=US");
  CHECK(found.signatures[0].signer.key_fingerprint == signing_key().public_key().fingerprint());
  CHECK(base::format_time(*found.signatures[0].signed_at) == kSigned);
  CHECK(found.signatures[0].annotations.at("channel") == "lts");
}

TEST_CASE("signatures of notation 1.3.2 and by hand verify in their time") {
  const Artifact theirs =
      from_vectors("notation-manifest-1.3.2.json", "notation-envelope-1.3.2-ps256.json");
  // Its only certificate, self-signed, is not among the vectors but in the envelope.
  const JwsEnvelope opened = REQUIRE_OK(open_jws(theirs.blobs[0]));
  const TrustRoots self = trusting(opened.chain);
  const Verification found = look(theirs, self, "2026-11-22T12:00:00Z");
  REQUIRE(found.signatures.size() == 1);
  CHECK_THAT(found.signatures[0].signer.certificate_subject, Contains("CN=imgforge.test"));
  CHECK_THAT(rejection(look(theirs, self, "2026-12-24T00:00:00Z")),
             Contains("mismatch: the certificate CN=imgforge.test") &&
                 Contains("expired on 2026-11-23T09:51:52Z"));

  const Artifact hand =
      from_vectors("notation-manifest-hand.json", "notation-envelope-hand-es256.json");
  const auto ca = REQUIRE_OK(parse_certificates(vector("notation-ca.crt"), "ca"));
  CHECK(look(hand, trusting(ca), "2026-11-25T00:00:00Z").signatures.size() == 1);
  CHECK_THAT(rejection(look(hand, trusting(ca), "2026-12-03T00:00:00Z")), Contains("CN=leaf"));
  CHECK_THAT(rejection(look(hand, trusting(ca), "2026-11-01T00:00:00Z")),
             Contains("is not valid before"));
}

TEST_CASE("both places for the type of a notation signature are known") {
  Artifact artifact = sign_good();
  oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest));
  manifest.artifact_type = media_type::kNotationSignature;
  manifest.config->media_type = oci::kEmptyType;
  artifact.manifest = oci::to_json(manifest);
  CHECK(look(artifact, trusting(root_of("good.pem"))).signatures.size() == 1);
}

TEST_CASE("a notation signature expires") {
  CHECK_THAT(rejection(look(sign_good(), trusting(root_of("good.pem")), "2031-01-01T00:00:01Z")),
             Contains("mismatch: the notation signature of CN=signer") &&
                 Contains("expired on 2031-01-01T00:00:00Z"));
  NotationOptions backwards = options();
  backwards.expiry = backwards.signing_time;
  CHECK_FALSE(sign_with_notation(image(), signing_key(), chain("good.pem"), backwards));
}

TEST_CASE("trust needs an authority of the chain, and a subject where some are named") {
  const Artifact artifact = sign_good();
  const auto certificates = chain("good.pem");
  for (const Certificate& certificate : certificates) {
    CHECK(look(artifact, trusting({certificate})).signatures.size() == 1);
  }
  CHECK_THAT(rejection(look(artifact, trusting(root_of("good-self-signed.pem")))),
             Contains("it is signed by CN=signer,O=imgforge,ST=WA,C=US, whom no trusted authority "
                      "vouches for"));
  CHECK_THAT(rejection(look(artifact, trust({{"key", signing_key().public_key()}}))),
             Contains("whom no trusted authority vouches for"));
  const auto root = root_of("good.pem");
  CHECK(look(artifact, trusting(root, {"O=else", "O=imgforge,CN=signer"})).signatures.size() == 1);
  CHECK(look(artifact, trusting(root, {"CN=middle"})).signatures.empty());
}

TEST_CASE("a forged chain or one unfit to sign is refused both ways") {
  for (const char* name : {"bad-forged.pem", "bad-no-root.pem", "bad-leaf-server.pem"}) {
    INFO(name);
    CHECK_FALSE(sign_with_notation(image(), signing_key(), chain(name), options()));
    // What another signer made of it is not believed: the same JWS with that chain.
    const Artifact artifact = sign_good();
    auto jws = base::Json::parse(layer_of(artifact));
    jws["header"]["x5c"] = base::Json::array();
    for (const Certificate& certificate : chain(name)) {
      jws["header"]["x5c"].push_back(base::to_base64(base::as_bytes(certificate.der())));
    }
    const Artifact other = with_layer(artifact, 0, jws.dump());
    CHECK_THAT(rejection(look(other, trusting(chain(name)))),
               Contains("mismatch: the certificate"));
  }
}

TEST_CASE("signing demands the key's own certificate, valid at that time") {
  const auto other =
      sign_with_notation(image(), signing_key("rsa2048.pkcs8.pem"), chain("good.pem"), options());
  REQUIRE_FALSE(other);
  CHECK_THAT(other.error().message(), Contains("belongs to another key"));
  NotationOptions early = options();
  early.signing_time = at("2000-01-01T00:00:00Z");
  const auto refused = sign_with_notation(image(), signing_key(), chain("good.pem"), early);
  REQUIRE_FALSE(refused);
  CHECK_THAT(refused.error().message(), Contains("is not valid before"));
}

TEST_CASE("every change of a JWS is noticed, but of its agent") {
  const Artifact artifact = sign_good();
  std::set<std::string> unnoticed;
  for_each_change(layer_of(artifact), [&](const std::string& pointer, const std::string& changed) {
    const Verification found =
        look(with_layer(artifact, 0, changed), trusting(root_of("good.pem")));
    CHECK(found.signatures.size() + found.rejected.size() == 1);
    if (!found.signatures.empty()) unnoticed.insert(pointer);
  });
  CHECK(unnoticed == std::set<std::string>{"/header/io.cncf.notary.signingAgent"});
}

TEST_CASE("headers and targets that the signer's own key vouches for are judged too") {
  // Signed anew after each change, as only the signer can: the rules hold, not just the signature.
  const SigningKey key = signing_key();
  const Artifact artifact = sign_good();
  const auto with_header = [&](const std::function<void(base::Json&)>& change,
                               const char* member = "protected") {
    auto jws = base::Json::parse(layer_of(artifact));
    auto header = base::Json::parse(*base::from_base64(jws[member].get<std::string>()));
    change(header);
    jws[member] = base::to_base64url(base::as_bytes(header.dump()));
    const std::string message =
        jws["protected"].get<std::string>() + "." + jws["payload"].get<std::string>();
    jws["signature"] =
        base::to_base64url(base::as_bytes(REQUIRE_OK(key.sign(message, Scheme::jws))));
    return rejection(look(with_layer(artifact, 0, jws.dump()), trusting(root_of("good.pem"))));
  };
  using base::Json;
  constexpr const char* kScheme = "io.cncf.notary.signingScheme";
  CHECK_THAT(with_header([](Json& h) { h["alg"] = "none"; }), Contains("is not that of the key"));
  CHECK_THAT(with_header([](Json& h) { h["alg"] = "ES384"; }), Contains("is not that of the key"));
  CHECK_THAT(with_header([](Json& h) { h["cty"] = "text/plain"; }), Contains("cty"));
  CHECK_THAT(with_header([](Json& h) { h[kScheme] = "notary.x509.signingAuthority"; }),
             Contains("unsupported: the notation signing scheme"));
  CHECK_THAT(with_header([](Json& h) { h["crit"].push_back("io.cncf.notary.verificationPlugin"); }),
             Contains("unsupported") && Contains("verificationPlugin"));
  CHECK_THAT(with_header([](Json& h) { h["crit"] = {"io.cncf.notary.signingScheme"}; }),
             Contains("does not mark its headers as critical"));
  CHECK_THAT(with_header([](Json& h) { h["io.cncf.notary.expiry"] = "2030-01-01T00:00:01Z"; }),
             Contains("expired on"));
  CHECK_THAT(with_header([](Json& h) { h["io.cncf.notary.expiry"] = "never"; }),
             Contains("is not a time in RFC 3339"));
  CHECK_THAT(with_header([](Json& h) { h["io.cncf.notary.signingTime"] = "1764028800"; }),
             Contains("is not a time in RFC 3339"));
  const std::string other = other_image().digest.to_string();
  CHECK_THAT(with_header([&](Json& p) { p["targetArtifact"]["digest"] = other; }, "payload"),
             Contains("what is signed is " + other));
  CHECK_THAT(with_header([](Json& p) { p["targetArtifact"]["size"] = 402; }, "payload"),
             Contains("another size or media type"));
  CHECK_THAT(with_header([](Json& p) { p["targetArtifact"]["mediaType"] = "x/y"; }, "payload"),
             Contains("another size or media type"));
  CHECK_THAT(with_header([](Json& p) { p.erase("targetArtifact"); }, "payload"),
             Contains("targetArtifact is missing"));
}

TEST_CASE("COSE and countersigned timestamps are named as what is not done") {
  Artifact artifact = sign_good();
  auto jws = base::Json::parse(layer_of(artifact));
  jws["header"]["io.cncf.notary.timestampSignature"] = "AAAA";
  const Verification found = look(with_layer(artifact, 0, jws.dump()),
                                  trusting(root_of("good.pem")), "2030-12-01T00:00:00Z");
  CHECK(found.signatures.size() == 1);
  NotationOptions forever = options();
  forever.expiry.reset();
  artifact = REQUIRE_OK(sign_with_notation(image(), signing_key(), chain("good.pem"), forever));
  jws = base::Json::parse(layer_of(artifact));
  jws["header"]["io.cncf.notary.timestampSignature"] = "AAAA";
  const Verification late = look(with_layer(artifact, 0, jws.dump()), trusting(root_of("good.pem")),
                                 "2300-01-01T00:00:00Z");
  REQUIRE(late.rejected.size() == 1);
  CHECK(late.rejected[0].error.hint() == "its countersigned timestamp is not evaluated here");

  oci::Manifest manifest = REQUIRE_OK(oci::parse_manifest(artifact.manifest));
  manifest.layers[0].media_type = media_type::kCose;
  artifact.manifest = oci::to_json(manifest);
  CHECK_THAT(rejection(look(artifact, trusting(root_of("good.pem")))),
             Contains("unsupported: this notation signature is in COSE"));
}
