// envelope   = {"kdf": {"name": "scrypt", "params": {"N": 65536, "r": 8, "p": 1}, "salt": base64},
//               "cipher": {"name": "nacl/secretbox", "nonce": base64}, "ciphertext": base64}
// key        = scrypt(passphrase, salt, N, r, p, 32)
// ciphertext = Poly1305 tag (16 bytes), then the encrypted PKCS#8 DER
// Source: what cosign 1 to 3 write (go-securesystemslib, encrypted).
#include "sign/encrypted_key.h"

#include <openssl/rand.h>
#include <sodium.h>

#include "base/json.h"
#include "base/text.h"
#include "sign/openssl_support.h"

namespace imgforge::sign {
namespace {

using base::Json;
using base::JsonReader;

constexpr std::uint64_t kWrittenN = 65536;
constexpr std::uint32_t kR = 8;
constexpr std::uint32_t kP = 1;
constexpr std::size_t kSaltBytes = 32;
// cosign has used these costs; any other is refused rather than computed, as a foreign file must
// not choose how much memory is used. The most that one of these needs is 128 * N * r = 128 MiB.
bool is_known_cost(std::uint64_t n) { return n == 32768 || n == 65536 || n == 131072; }

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

// libsodium's scrypt is vectorised: it takes two thirds of the time of OpenSSL's,
// for which every signature waits.
Result<Secret> derive(std::string_view passphrase, std::string_view salt, std::uint64_t n) {
  if (sodium_init() < 0) return fail(Errc::internal, "libsodium cannot be initialised");
  std::string key(crypto_secretbox_KEYBYTES, '\0');
  if (crypto_pwhash_scryptsalsa208sha256_ll(bytes_of(passphrase), passphrase.size(), bytes_of(salt),
                                            salt.size(), n, kR, kP, bytes_of(key),
                                            key.size()) != 0) {
    return fail(base::io_error("scrypt has no memory"));
  }
  return Secret(std::move(key));
}

Result<std::string> random_bytes(std::size_t size) {
  std::string out(size, '\0');
  if (RAND_bytes(bytes_of(out), static_cast<int>(size)) != 1) {
    return fail(openssl_error(Errc::internal, "the system gives no random bytes"));
  }
  return out;
}

struct Envelope {
  std::uint64_t n = 0;
  std::string salt;
  std::string nonce;
  std::string box;
};

std::string base64_field(JsonReader& reader, const char* key) {
  auto bytes = base::from_base64(reader.text(key));
  if (!bytes) reader.reject(key, "is not base64");
  return bytes.value_or("");
}

Result<Envelope> parse(std::string_view text, const std::string& name) {
  const Json json = TRY(base::parse_json(text, name));
  JsonReader reader(json, name);
  Envelope envelope;
  auto kdf = reader.object("kdf");
  auto cipher = reader.object("cipher");
  envelope.box = base64_field(reader, "ciphertext");
  TRY(reader.finish_tolerant());
  if (kdf->text("name") != "scrypt") kdf->reject("name", "is not scrypt");
  envelope.salt = base64_field(*kdf, "salt");
  auto parameters = kdf->object("params");
  TRY(kdf->finish_tolerant());
  envelope.n = parameters->number("N");
  if (!is_known_cost(envelope.n)) parameters->reject("N", "is not a cost that cosign uses");
  if (parameters->number("r") != kR) parameters->reject("r", "is not 8");
  if (parameters->number("p") != kP) parameters->reject("p", "is not 1");
  TRY(parameters->finish_tolerant());
  if (cipher->text("name") != "nacl/secretbox") cipher->reject("name", "is not nacl/secretbox");
  envelope.nonce = base64_field(*cipher, "nonce");
  if (envelope.nonce.size() != crypto_secretbox_NONCEBYTES) {
    cipher->reject("nonce", "is not 24 bytes long");
  }
  TRY(cipher->finish_tolerant());
  return envelope;
}

}  // namespace

Result<std::string> seal_key(std::string_view plaintext, std::string_view passphrase) {
  const std::string salt = TRY(random_bytes(kSaltBytes));
  const std::string nonce = TRY(random_bytes(crypto_secretbox_NONCEBYTES));
  const Secret key = TRY(derive(passphrase, salt, kWrittenN));
  std::string box(plaintext.size() + crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_easy(bytes_of(box), bytes_of(plaintext), plaintext.size(), bytes_of(nonce),
                            bytes_of(key.view())) != 0) {
    return fail(Errc::internal, "the key cannot be encrypted");
  }
  return base::canonical_json(
      {{"kdf",
        {{"name", "scrypt"},
         {"params", {{"N", kWrittenN}, {"r", kR}, {"p", kP}}},
         {"salt", base::to_base64(base::as_bytes(salt))}}},
       {"cipher", {{"name", "nacl/secretbox"}, {"nonce", base::to_base64(base::as_bytes(nonce))}}},
       {"ciphertext", base::to_base64(base::as_bytes(box))}});
}

Result<Secret> open_key(std::string_view text, std::string_view passphrase,
                        const std::string& name) {
  const Envelope envelope = TRY(parse(text, name));
  if (envelope.box.size() < crypto_secretbox_MACBYTES) {
    return fail(Errc::invalid, name + " holds no key: its ciphertext is too short");
  }
  const Secret key = TRY(derive(passphrase, envelope.salt, envelope.n));
  std::string plaintext(envelope.box.size() - crypto_secretbox_MACBYTES, '\0');
  if (crypto_secretbox_open_easy(bytes_of(plaintext), bytes_of(envelope.box), envelope.box.size(),
                                 bytes_of(envelope.nonce), bytes_of(key.view())) != 0) {
    return fail(Error(Errc::unauthorized, "the passphrase does not open " + name)
                    .hint("give the passphrase with which the key was made"));
  }
  return Secret(std::move(plaintext));
}

}  // namespace imgforge::sign
