#include "sign/key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <optional>
#include <vector>

#include "base/sha256.h"
#include "base/text.h"
#include "sign/ed25519ph.h"

namespace imgforge::sign {
namespace {

constexpr int kMinimumRsaBits = 2048;   // below, a modulus is within reach of factoring
constexpr int kMaximumRsaBits = 16384;  // a foreign key must not cost seconds per check
constexpr unsigned kGeneratedRsaBits = 3072;

using MessageContext = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;
using EcdsaSignature = Handle<ECDSA_SIG, ECDSA_SIG_free>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// The bytes that an i2d function writes.
template <class Write>
std::optional<std::string> encode(Write write) {
  unsigned char* out = nullptr;
  const int size = write(&out);
  if (size < 0 || out == nullptr) return std::nullopt;
  std::string text(reinterpret_cast<char*>(out), static_cast<std::size_t>(size));
  OPENSSL_clear_free(out, static_cast<std::size_t>(size));
  return text;
}

struct Curve {
  KeyType type;
  const char* group;
  const char* name;
  std::size_t field_bytes;
  const char* hash;
  const char* jws;
};
constexpr std::array<Curve, 3> kCurves = {{
    {KeyType::ecdsa_p256, "prime256v1", "ECDSA P-256", 32, "SHA256", "ES256"},
    {KeyType::ecdsa_p384, "secp384r1", "ECDSA P-384", 48, "SHA384", "ES384"},
    {KeyType::ecdsa_p521, "secp521r1", "ECDSA P-521", 66, "SHA512", "ES512"},
}};

const Curve* curve_of(KeyType type) {
  for (const Curve& curve : kCurves) {
    if (curve.type == type) return &curve;
  }
  return nullptr;
}

Result<KeyType> type_of(EVP_PKEY* key, const std::string& name) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) return KeyType::ed25519;
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits < kMinimumRsaBits || bits > kMaximumRsaBits) {
      return fail(Errc::unsupported, name + " is an RSA key of " + std::to_string(bits) +
                                         " bits; from " + std::to_string(kMinimumRsaBits) + " to " +
                                         std::to_string(kMaximumRsaBits) + " are accepted");
    }
    return KeyType::rsa;
  }
  if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> group{};
    std::size_t length = 0;
    EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size(),
                                   &length);
    for (const Curve& curve : kCurves) {
      if (std::string_view(group.data()) == curve.group) return curve.type;
    }
    return fail(Errc::unsupported, name + " is a key on the curve " +
                                       (length == 0 ? "(unnamed)" : group.data()) +
                                       "; P-256, P-384 and P-521 are accepted");
  }
  return fail(Error(Errc::unsupported, name + " is a key of a kind that signs no images")
                  .hint("use ECDSA P-256 (imgforge keygen), P-384, P-521, RSA or Ed25519"));
}

const char* rsa_jws_hash(int bits) {
  return bits < 3072 ? "SHA256" : bits < 4096 ? "SHA384" : "SHA512";
}

// The hash of a scheme; Ed25519 hashes by itself.
const char* hash_of(KeyType type, int bits, Scheme scheme) {
  if (type == KeyType::ed25519) return nullptr;
  if (scheme == Scheme::cosign) return "SHA256";
  return type == KeyType::rsa ? rsa_jws_hash(bits) : curve_of(type)->hash;
}

bool set_padding(EVP_PKEY_CTX* context, KeyType type, Scheme scheme) {
  if (type != KeyType::rsa) return true;
  if (scheme == Scheme::cosign) return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) > 0;
  return EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) > 0 &&
         EVP_PKEY_CTX_set_rsa_pss_saltlen(context, RSA_PSS_SALTLEN_DIGEST) > 0;
}

// DER to r and s side by side (RFC 7518 section 3.4), and back.
std::optional<std::string> raw_from_der(const std::string& der, std::size_t field) {
  const unsigned char* at = bytes_of(der);
  EcdsaSignature signature(d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size())));
  if (!signature) return std::nullopt;
  std::string raw(2 * field, '\0');
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  const int size = static_cast<int>(field);
  if (BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), out, size) != size ||
      BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), out + field, size) != size) {
    return std::nullopt;
  }
  return raw;
}

std::optional<std::string> der_from_raw(std::string_view raw, std::size_t field) {
  if (raw.size() != 2 * field) return std::nullopt;
  EcdsaSignature signature(ECDSA_SIG_new());
  const int size = static_cast<int>(field);
  BIGNUM* r = BN_bin2bn(bytes_of(raw), size, nullptr);
  BIGNUM* s = BN_bin2bn(bytes_of(raw) + field, size, nullptr);
  if (!signature || r == nullptr || s == nullptr || ECDSA_SIG_set0(signature.get(), r, s) != 1) {
    BN_free(r);
    BN_free(s);
    return std::nullopt;
  }
  return encode([&](unsigned char** out) { return i2d_ECDSA_SIG(signature.get(), out); });
}

bool verifies(EVP_PKEY* key, KeyType type, const char* hash, Scheme scheme,
              std::string_view message, std::string_view signature) {
  MessageContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const bool good = context &&
                    EVP_DigestVerifyInit_ex(context.get(), &parameters, hash, nullptr, nullptr, key,
                                            nullptr) == 1 &&
                    set_padding(parameters, type, scheme) &&
                    EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(),
                                     bytes_of(message), message.size()) == 1;
  openssl_reason();  // a signature that does not fit leaves its reasons in the queue
  return good;
}

std::string raw_public_key(EVP_PKEY* key) {
  std::string raw(32, '\0');
  std::size_t size = raw.size();
  auto* out = reinterpret_cast<unsigned char*>(raw.data());
  if (EVP_PKEY_get_raw_public_key(key, out, &size) != 1) return {};
  raw.resize(size);
  return raw;
}

Result<> no_jws(KeyType type) {
  if (type != KeyType::ed25519) return {};
  return fail(Error(Errc::unsupported, "notation has no signatures by Ed25519 keys")
                  .hint("use an ECDSA or RSA key with its certificate"));
}

}  // namespace

Result<VerificationKey> VerificationKey::adopt(PkeyHandle key, const std::string& name) {
  if (!key) return fail(openssl_error(Errc::invalid, name + " is not a public key"));
  VerificationKey out;
  out.type_ = TRY(type_of(key.get(), name));
  out.bits_ = EVP_PKEY_get_bits(key.get());
  auto der = encode([&](unsigned char** bytes) { return i2d_PUBKEY(key.get(), bytes); });
  if (!der) return fail(openssl_error(Errc::invalid, name + " has no public part"));
  out.der_ = std::move(*der);
  out.fingerprint_ = base::sha256_hex(out.der_);
  out.key_ = std::move(key);
  return out;
}

Result<VerificationKey> VerificationKey::parse_der(std::string_view spki, const std::string& name) {
  const unsigned char* at = bytes_of(spki);
  PkeyHandle key = own(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  if (key && at != bytes_of(spki) + spki.size()) {
    return fail(Errc::invalid, name + " has bytes behind the public key");
  }
  return adopt(std::move(key), name);
}

Result<VerificationKey> VerificationKey::parse(std::string_view pem, const std::string& name) {
  Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  if (pem.find("PRIVATE KEY-----") != std::string_view::npos) {
    return fail(Error(Errc::invalid, name + " is a private key, not a public one")
                    .hint("verify with the public key that belongs to it (cosign.pub)"));
  }
  if (pem.find("-----BEGIN CERTIFICATE-----") != std::string_view::npos) {
    const X509Handle certificate = own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!certificate) return fail(openssl_error(Errc::invalid, name + " is not a certificate"));
    return adopt(own(X509_get_pubkey(certificate.get())), name);
  }
  return adopt(own(PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr)), name);
}

std::string VerificationKey::describe() const {
  if (const Curve* curve = curve_of(type_)) return curve->name;
  return type_ == KeyType::rsa ? "RSA " + std::to_string(bits_) : "Ed25519";
}

std::string VerificationKey::hint() const {
  return base::to_base64(base::as_bytes(*base::from_hex(fingerprint_)));
}

std::string VerificationKey::pem() const {
  Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!bio || PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) return {};
  const long size = BIO_get_mem_data(bio.get(), &text);
  return std::string(text, static_cast<std::size_t>(size));
}

Result<std::string> VerificationKey::jws_algorithm() const {
  TRY(no_jws(type_));
  if (const Curve* curve = curve_of(type_)) return std::string(curve->jws);
  return "PS" + std::string(rsa_jws_hash(bits_)).substr(3);
}

Result<> VerificationKey::verify(std::string_view message, std::string_view signature,
                                 Scheme scheme) const {
  const Curve* curve = curve_of(type_);
  if (scheme == Scheme::jws) {
    TRY(no_jws(type_));
    std::string der;
    if (curve != nullptr) {
      der = der_from_raw(signature, curve->field_bytes).value_or("");
      signature = der;
    }
    if (verifies(key_.get(), type_, hash_of(type_, bits_, scheme), scheme, message, signature)) {
      return {};
    }
  } else {
    std::vector<const char*> hashes = {hash_of(type_, bits_, scheme)};
    if (curve != nullptr && type_ != KeyType::ecdsa_p256) hashes.push_back(curve->hash);
    for (const char* hash : hashes) {
      if (verifies(key_.get(), type_, hash, scheme, message, signature)) return {};
    }
    if (type_ == KeyType::ed25519 &&
        verifies_ed25519ph(raw_public_key(key_.get()), message, signature)) {
      return {};
    }
  }
  return fail(Errc::mismatch, "the signature is not by the key " + fingerprint_.substr(0, 12) +
                                  " (" + describe() + "), or what was signed has changed");
}

Result<SigningKey> SigningKey::adopt(PkeyHandle key, const std::string& name) {
  if (!key) return fail(openssl_error(Errc::invalid, name + " is not a private key"));
  VerificationKey public_key = TRY(VerificationKey::adopt(key, name));
  // The public half is read anew, so that it does not keep the private one alive.
  public_key = TRY(VerificationKey::parse_der(public_key.der(), name));
  return SigningKey(std::move(key), std::move(public_key));
}

Result<SigningKey> SigningKey::parse_der(std::string_view der, const std::string& name) {
  const unsigned char* at = bytes_of(der);
  return adopt(own(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()))), name);
}

Result<SigningKey> SigningKey::generate(KeyType type) {
  PkeyHandle key;
  if (const Curve* curve = curve_of(type)) {
    key = own(EVP_EC_gen(curve->group));
  } else if (type == KeyType::rsa) {
    key = own(EVP_RSA_gen(kGeneratedRsaBits));
  } else {
    key = own(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
  }
  if (!key) return fail(openssl_error(Errc::internal, "cannot generate a key"));
  return adopt(std::move(key), "the new key");
}

Result<std::string> SigningKey::sign(std::string_view message, Scheme scheme) const {
  const KeyType type = public_key_.type();
  if (scheme == Scheme::jws) TRY(no_jws(type));
  MessageContext context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* parameters = nullptr;
  const char* hash = hash_of(type, public_key_.bits(), scheme);
  std::size_t size = 0;
  if (!context ||
      EVP_DigestSignInit_ex(context.get(), &parameters, hash, nullptr, nullptr, key_.get(),
                            nullptr) != 1 ||
      !set_padding(parameters, type, scheme) ||
      EVP_DigestSign(context.get(), nullptr, &size, bytes_of(message), message.size()) != 1) {
    return fail(openssl_error(Errc::internal, "cannot sign with this key"));
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                     bytes_of(message), message.size()) != 1) {
    return fail(openssl_error(Errc::internal, "cannot sign with this key"));
  }
  signature.resize(size);
  const Curve* curve = curve_of(type);
  if (scheme == Scheme::jws && curve != nullptr) {
    auto raw = raw_from_der(signature, curve->field_bytes);
    if (!raw) return fail(openssl_error(Errc::internal, "OpenSSL wrote no ECDSA signature"));
    return *raw;
  }
  return signature;
}

Result<Secret> SigningKey::der() const {
  Handle<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free> info(EVP_PKEY2PKCS8(key_.get()));
  auto der =
      info ? encode([&](unsigned char** out) { return i2d_PKCS8_PRIV_KEY_INFO(info.get(), out); })
           : std::nullopt;
  if (!der) {
    return fail(
        openssl_error(Errc::unsupported, "the private key cannot be taken out of its store"));
  }
  return Secret(std::move(*der));
}

}  // namespace imgforge::sign
