// Key pairs that sign and verify: ECDSA P-256 (what imgforge makes), and P-384, P-521, RSA from
// 2048 bits and Ed25519, which cosign accepts too. A key knows how to sign in the two ways that the
// formats need; it knows nothing of the formats. Keys are values, cheap to copy, safe to share
// between threads.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "sign/openssl_support.h"
#include "sign/secret.h"

namespace imgforge::sign {

enum class KeyType { ecdsa_p256, ecdsa_p384, ecdsa_p521, rsa, ed25519 };

/// How a signature is made and written.
enum class Scheme {
  /// ECDSA in DER, RSA PKCS#1 v1.5, SHA-256; Ed25519. Verifying also takes the SHA-384 and SHA-512
  /// that newer signers choose by the curve, and Ed25519ph.
  cosign,
  /// RFC 7518: ES256/384/512 as raw r and s by the curve, PS256/384/512 by the size of the key.
  /// Ed25519 is Errc::unsupported.
  jws,
};

class VerificationKey {
 public:
  /// PEM "PUBLIC KEY" (SPKI), "RSA PUBLIC KEY" (PKCS#1), or the key of a "CERTIFICATE", which is
  /// not judged otherwise. `name` says which file it is, for the error.
  static Result<VerificationKey> parse(std::string_view pem, const std::string& name);
  static Result<VerificationKey> parse_der(std::string_view spki, const std::string& name);
  /// Adapters only.
  static Result<VerificationKey> adopt(PkeyHandle key, const std::string& name);

  KeyType type() const { return type_; }
  int bits() const { return bits_; }
  /// "ECDSA P-256", "RSA 3072".
  std::string describe() const;
  /// sha256 of the SPKI DER as 64 hex digits: what identifies a key.
  const std::string& fingerprint() const { return fingerprint_; }
  /// The same in base64, as sigstore bundles name a key.
  std::string hint() const;
  const std::string& der() const { return der_; }
  std::string pem() const;
  /// "ES256", "PS384".
  Result<std::string> jws_algorithm() const;

  /// Errc::mismatch when `signature` is not one of `message` by this key.
  Result<> verify(std::string_view message, std::string_view signature, Scheme scheme) const;

  bool operator==(const VerificationKey& other) const { return der_ == other.der_; }

 private:
  VerificationKey() = default;
  PkeyHandle key_;
  KeyType type_ = KeyType::ecdsa_p256;
  int bits_ = 0;
  std::string der_;
  std::string fingerprint_;
};

class SigningKey {
 public:
  /// `type` other than rsa has one size; rsa is made with 3072 bits.
  static Result<SigningKey> generate(KeyType type = KeyType::ecdsa_p256);
  /// PKCS#8, PKCS#1 or SEC1 DER.
  static Result<SigningKey> parse_der(std::string_view der, const std::string& name);
  /// Adapters only.
  static Result<SigningKey> adopt(PkeyHandle key, const std::string& name);

  const VerificationKey& public_key() const { return public_key_; }
  Result<std::string> sign(std::string_view message, Scheme scheme) const;
  /// PKCS#8 DER. Errc::unsupported when the key does not leave its token.
  Result<Secret> der() const;

 private:
  SigningKey(PkeyHandle key, VerificationKey public_key)
      : key_(std::move(key)), public_key_(std::move(public_key)) {}
  PkeyHandle key_;
  VerificationKey public_key_;
};

}  // namespace imgforge::sign
