#include "base/json.h"
#include "error_text.h"
#include "fixtures.h"
#include "sign/encrypted_key.h"

using namespace imgforge;
using namespace imgforge::sign;
using Catch::Contains;

namespace {

const Secret kRight{std::string(kPassphrase)};
const Secret kWrong{std::string("wrong")};

// The JSON inside a cosign key, changed and wrapped again.
std::string with_envelope(const std::function<void(base::Json&)>& change,
                          const std::string& label = "ENCRYPTED SIGSTORE PRIVATE KEY") {
  const std::string pem = vector("keys/cosign-2.key");
  std::string body;
  for (std::string_view line : base::lines(pem)) {
    if (!line.starts_with("-----")) body += line;
  }
  base::Json json = base::Json::parse(*base::from_base64(body));
  change(json);
  return "-----BEGIN " + label + "-----\n" + base::to_base64(base::as_bytes(json.dump())) +
         "\n-----END " + label + "-----\n";
}

std::string refusal(const std::string& pem, const Secret* passphrase) {
  const auto key = parse_signing_key(pem, passphrase, "team.key");
  REQUIRE_FALSE(key);
  return std::string(base::to_string(key.error().code())) + ": " + error_text(key.error());
}

}  // namespace

TEST_CASE("private keys are read in every form") {
  const VerificationKey expected = verification_key("keys/p256.pub.pem");
  for (const char* name : {"p256.pkcs8.pem", "p256.sec1.pem"}) {
    INFO(name);
    CHECK_FALSE(REQUIRE_OK(needs_passphrase(vector("keys/" + std::string(name)), name)));
    CHECK(REQUIRE_OK(parse_signing_key(vector("keys/" + std::string(name)), nullptr, name))
              .public_key() == expected);
  }
  for (const char* name : {"p256.encrypted.pem", "p256.rfc1421.pem"}) {
    INFO(name);
    CHECK(REQUIRE_OK(needs_passphrase(vector("keys/" + std::string(name)), name)));
    CHECK(signing_key(name).public_key() == expected);
  }
  CHECK(signing_key("rsa2048.pkcs1.pem").public_key() == verification_key("keys/rsa2048.pub.pem"));
  for (const char* version : {"2", "3"}) {
    CHECK(signing_key(std::string("cosign-") + version + ".key").public_key() ==
          verification_key(std::string("keys/cosign-") + version + ".pub"));
  }
}

TEST_CASE("the label of cosign 1 is read too") {
  const std::string pem = with_envelope([](base::Json&) {}, "ENCRYPTED COSIGN PRIVATE KEY");
  CHECK(REQUIRE_OK(parse_signing_key(pem, &kRight, "old.key")).public_key() ==
        verification_key("keys/cosign-2.pub"));
}

TEST_CASE("what is written is read again, with that passphrase only") {
  for (const char* name : {"p256.pkcs8.pem", "rsa2048.pkcs8.pem"}) {
    const SigningKey key = signing_key(name);
    for (const char* passphrase : {"", "\xc3\xa9t\xc3\xa9"}) {
      const Secret secret{std::string(passphrase)};
      const std::string pem = REQUIRE_OK(write_signing_key(key, secret));
      CHECK_THAT(pem, Catch::StartsWith("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n"));
      const SigningKey again = REQUIRE_OK(parse_signing_key(pem, &secret, "again.key"));
      CHECK(REQUIRE_OK(again.der()).view() == REQUIRE_OK(key.der()).view());
      CHECK_FALSE(parse_signing_key(pem, &kWrong, "again.key"));
    }
  }
  // Fresh salt and nonce each time.
  CHECK(REQUIRE_OK(seal_key("text", "")) != REQUIRE_OK(seal_key("text", "")));
}

TEST_CASE("a wrong or missing passphrase is an error that says so") {
  for (const char* name :
       {"keys/cosign-2.key", "keys/p256.encrypted.pem", "keys/p256.rfc1421.pem"}) {
    INFO(name);
    CHECK(refusal(vector(name), &kWrong) ==
          "unauthorized: the passphrase does not open team.key\n"
          "hint: give the passphrase with which the key was made\n");
    CHECK(refusal(vector(name), nullptr) ==
          "unauthorized: team.key is encrypted and no passphrase was given\n");
  }
}

TEST_CASE("a cosign key with other parameters is refused before anything is computed") {
  using base::Json;
  const auto refused = [](const std::function<void(Json&)>& change) {
    return refusal(with_envelope(change), &kRight);
  };
  CHECK_THAT(refused([](Json& j) { j["kdf"]["params"]["N"] = 1 << 30; }),
             Contains("invalid: team.key.kdf.params.N is not a cost that cosign uses"));
  CHECK_THAT(refused([](Json& j) { j["kdf"]["params"]["r"] = 1 << 20; }), Contains("r is not 8"));
  CHECK_THAT(refused([](Json& j) { j["kdf"]["params"]["p"] = 2; }), Contains("p is not 1"));
  CHECK_THAT(refused([](Json& j) { j["kdf"]["name"] = "argon2"; }), Contains("is not scrypt"));
  CHECK_THAT(refused([](Json& j) { j["cipher"]["name"] = "aes"; }),
             Contains("is not nacl/secretbox"));
  CHECK_THAT(refused([](Json& j) { j["cipher"]["nonce"] = "AAAA"; }),
             Contains("is not 24 bytes long"));
  CHECK_THAT(refused([](Json& j) { j["ciphertext"] = "AAAA"; }), Contains("is too short"));
  CHECK_THAT(refused([](Json& j) { j["ciphertext"] = "?"; }), Contains("is not base64"));
  CHECK_THAT(refused([](Json& j) { j.erase("kdf"); }), Contains("kdf is missing"));
  CHECK_THAT(refused([](Json& j) { j = Json::array(); }), Contains("must be an object"));
  // An accepted cost that is not the one the box was made with opens nothing.
  CHECK_THAT(refused([](Json& j) { j["kdf"]["params"]["N"] = 32768; }),
             Contains("the passphrase does not open team.key"));
}

TEST_CASE("what is no private key is refused with its reason") {
  CHECK(refusal(vector("pub.pem"), nullptr) ==
        "invalid: team.key holds no private key\n"
        "hint: it is a public key; sign with the private one\n");
  CHECK_THAT(refusal("", nullptr), Contains("team.key holds no private key"));
  CHECK_THAT(refusal("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", nullptr),
             Contains("invalid: team.key is not a private key"));
  CHECK_THAT(refusal("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n!\n"
                     "-----END ENCRYPTED SIGSTORE PRIVATE KEY-----\n",
                     &kRight),
             Contains("its PEM body is not base64"));
  CHECK_THAT(refusal("-----BEGIN PRIVATE KEY-----\nno end", nullptr), Contains("no private key"));
}

TEST_CASE("a key opens by its URI") {
  const std::string folder = "file:" IMGFORGE_SOURCE_DIR "/tests/unit/sign/vectors/keys/";
  CHECK(REQUIRE_OK(open_signing_key(folder + "p256.pkcs8.pem", nullptr)).public_key() ==
        verification_key("keys/p256.pub.pem"));
  CHECK(REQUIRE_OK(open_signing_key(folder + "p256.encrypted.pem", &kRight)).public_key() ==
        verification_key("keys/p256.pub.pem"));
  const auto code_of = [](const Result<SigningKey>& key) {
    REQUIRE_FALSE(key);
    return key.error().code();
  };
  CHECK(code_of(open_signing_key(folder + "p256.encrypted.pem", &kWrong)) == Errc::unauthorized);
  CHECK(code_of(open_signing_key(folder + "p256.encrypted.pem", nullptr)) == Errc::unauthorized);
  CHECK(code_of(open_signing_key(folder + "p256.pub.pem", nullptr)) == Errc::not_found);
  CHECK(code_of(open_signing_key(folder + "absent.pem", nullptr)) == Errc::not_found);
  CHECK(code_of(open_signing_key("nosuchscheme:x", nullptr)) == Errc::not_found);
}
