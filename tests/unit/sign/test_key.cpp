#include "error_text.h"
#include "fixtures.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

const KeyType kAllTypes[] = {KeyType::ecdsa_p256, KeyType::ecdsa_p384, KeyType::ecdsa_p521,
                             KeyType::rsa, KeyType::ed25519};

std::vector<Scheme> schemes_of(KeyType type) {
  if (type == KeyType::ed25519) return {Scheme::cosign};
  return {Scheme::cosign, Scheme::jws};
}

}  // namespace

TEST_CASE("every type of key signs, and its signature fits nothing else") {
  const SigningKey stranger = REQUIRE_OK(SigningKey::generate());
  for (const KeyType type : kAllTypes) {
    const SigningKey key = REQUIRE_OK(SigningKey::generate(type));
    INFO(key.public_key().describe());
    CHECK(key.public_key().type() == type);
    for (const Scheme scheme : schemes_of(type)) {
      const std::string signature = REQUIRE_OK(key.sign("message", scheme));
      CHECK(key.public_key().verify("message", signature, scheme));
      const auto changed = key.public_key().verify("massage", signature, scheme);
      REQUIRE_FALSE(changed);
      CHECK(changed.error().code() == Errc::mismatch);
      CHECK_THAT(changed.error().message(),
                 Contains(key.public_key().fingerprint().substr(0, 12)) &&
                     Contains(key.public_key().describe()));
      CHECK_FALSE(stranger.public_key().verify("message", signature, scheme));
      CHECK_FALSE(key.public_key().verify("message", "", scheme));
      CHECK_FALSE(key.public_key().verify("message", signature + "x", scheme));
      for (std::size_t i = 0; i < signature.size(); i += 7) {
        std::string damaged = signature;
        damaged[i] = static_cast<char>(damaged[i] ^ 4);
        CHECK_FALSE(key.public_key().verify("message", damaged, scheme));
      }
    }
  }
}

TEST_CASE("the two schemes are not taken for each other") {
  const SigningKey key = signing_key();
  const std::string raw = REQUIRE_OK(key.sign("message", Scheme::jws));
  CHECK(raw.size() == 64);
  CHECK_FALSE(key.public_key().verify("message", raw, Scheme::cosign));
  const std::string der = REQUIRE_OK(key.sign("message", Scheme::cosign));
  CHECK(der.front() == '\x30');
  CHECK_FALSE(key.public_key().verify("message", der, Scheme::jws));
}

TEST_CASE("the algorithm of a JWS follows from the key") {
  CHECK(REQUIRE_OK(signing_key().public_key().jws_algorithm()) == "ES256");
  CHECK(REQUIRE_OK(signing_key("rsa2048.pkcs8.pem").public_key().jws_algorithm()) == "PS256");
  const SigningKey rsa3072 = REQUIRE_OK(SigningKey::generate(KeyType::rsa));
  CHECK(rsa3072.public_key().describe() == "RSA 3072");
  CHECK(REQUIRE_OK(rsa3072.public_key().jws_algorithm()) == "PS384");
  const SigningKey ed25519 = REQUIRE_OK(SigningKey::generate(KeyType::ed25519));
  const auto none = ed25519.sign("message", Scheme::jws);
  REQUIRE_FALSE(none);
  CHECK(none.error().code() == Errc::unsupported);
}

TEST_CASE("a key is named as cosign names it") {
  const VerificationKey key = verification_key("pub.pem");
  CHECK(key.hint() == "z2KaAdrSJQzaEQ6nu4l2L8aQkZCwy57PA6N8VdOmyR4=");
  CHECK(key.fingerprint() == "cf629a01dad2250cda110ea7bb89762fc6909190b0cb9ecf03a37c55d3a6c91e");
  CHECK(key.describe() == "ECDSA P-256");
  CHECK(key.pem() == vector("pub.pem"));
  CHECK(REQUIRE_OK(VerificationKey::parse_der(key.der(), "der")) == key);
}

TEST_CASE("public keys are read in every form") {
  CHECK(verification_key("keys/rsa2048.pkcs1.pub.pem") == verification_key("keys/rsa2048.pub.pem"));
  // The key of a certificate, and of the first one in a chain.
  CHECK(verification_key("chains/good.pem") == verification_key("keys/p256.pub.pem"));
  CHECK(signing_key("cosign-2.key").public_key() == verification_key("keys/cosign-2.pub"));
}

TEST_CASE("what is no public key is refused with its reason") {
  const auto refusal = [](const std::string& pem) {
    const auto key = VerificationKey::parse(pem, "team.pub");
    REQUIRE_FALSE(key);
    return error_text(key.error());
  };
  CHECK(refusal(vector("keys/p256.pkcs8.pem")) ==
        "team.pub is a private key, not a public one\n"
        "hint: verify with the public key that belongs to it (cosign.pub)\n");
  CHECK_THAT(refusal("hello"), Contains("team.pub is not a public key"));
  CHECK_THAT(refusal(""), Contains("team.pub is not a public key"));
  CHECK_THAT(refusal("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
             Contains("team.pub is not a certificate"));
  CHECK_FALSE(VerificationKey::parse_der(verification_key("pub.pem").der() + "x", "der"));
}

TEST_CASE("keys that are too weak or of another kind are refused") {
  const auto refusal = [](const std::string& name) {
    const auto key = parse_signing_key(vector("keys/" + name), nullptr, name);
    REQUIRE_FALSE(key);
    CHECK(key.error().code() == Errc::unsupported);
    return key.error().message();
  };
  CHECK_THAT(refusal("rsa1024.pem"), Contains("1024 bits"));
  CHECK_THAT(refusal("secp256k1.pem"), Contains("secp256k1"));
  CHECK_THAT(refusal("x25519.pem"), Contains("signs no images"));
}

TEST_CASE("an Ed25519ph signature of cosign 3 verifies") {
  // RFC 8032 section 7.3: the test vector "abc".
  const std::string der = *base::from_hex(
      "302a300506032b6570032100ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf");
  const std::string signature = *base::from_hex(
      "98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae41"
      "31f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406");
  const VerificationKey key = REQUIRE_OK(VerificationKey::parse_der(der, "rfc8032"));
  CHECK(key.verify("abc", signature, Scheme::cosign));
  CHECK_FALSE(key.verify("abd", signature, Scheme::cosign));
}

TEST_CASE("a secret does not stay where it was moved from") {
  Secret first(std::string("short"));
  const char* const inside = first.view().data();  // small texts live in the object itself
  const Secret second(std::move(first));
  CHECK(second.view() == "short");
  CHECK(first.empty());
  CHECK(std::string_view(inside, 5) == std::string_view("\0\0\0\0\0", 5));
  Secret third(std::string("third"));
  third = Secret(std::string(100, 'x'));
  CHECK(third.view() == std::string(100, 'x'));
}
