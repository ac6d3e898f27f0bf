// X.509 certificates as the Notary Project uses them: parsed, named, and judged as a chain for code
// signing. Source: Notary Project signature specification, "Certificate requirements".
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/key.h"

namespace imgforge::sign {

class Certificate {
 public:
  static Result<Certificate> parse_der(std::string_view der, const std::string& name);

  /// RFC 2253, most specific first: "CN=signer,O=Example,C=US".
  const std::string& subject() const { return subject_; }
  /// The same as pairs, in the certificate's order: {"C", "US"}, {"O", "Example"}.
  const std::vector<std::pair<std::string, std::string>>& subject_parts() const {
    return subject_parts_;
  }
  const std::string& der() const { return der_; }
  /// sha256 of the DER as 64 hex digits, as notation's "thumbprint".
  const std::string& fingerprint() const { return fingerprint_; }
  const VerificationKey& key() const { return key_; }
  base::Seconds not_before() const { return not_before_; }
  base::Seconds not_after() const { return not_after_; }

  /// Errc::mismatch when `issuer` has another name or did not sign this certificate.
  Result<> check_issued_by(const Certificate& issuer) const;
  bool is_self_issued() const;
  /// What a leaf or a certificate authority must be, whoever issued it. `below` is how many
  /// authorities stand between it and the leaf (pathlen).
  Result<> check_leaf() const;
  Result<> check_authority(int below) const;
  /// The name constraints of an authority above (RFC 5280 section 4.2.1.10).
  Result<> check_name_allowed_by(const Certificate& authority) const;

  bool operator==(const Certificate& other) const { return der_ == other.der_; }

 private:
  Certificate(X509Handle x509, VerificationKey key)
      : x509_(std::move(x509)), key_(std::move(key)) {}
  Result<> check_common() const;
  Error unfit(std::string_view why) const;

  X509Handle x509_;
  VerificationKey key_;
  std::string der_;
  std::string fingerprint_;
  std::string subject_;
  std::vector<std::pair<std::string, std::string>> subject_parts_;
  base::Seconds not_before_;
  base::Seconds not_after_;
};

/// All "CERTIFICATE" blocks of a PEM text in their order; at least one, at most 16.
Result<std::vector<Certificate>> parse_certificates(std::string_view pem, const std::string& name);

/// A chain that may sign: leaf first, each issued by the next, up to and with a self-signed root
/// (a single self-signed leaf is a chain); every certificate fit for its place. Says nothing of
/// trust or of time.
Result<> check_chain(std::span<const Certificate> chain);

/// Errc::mismatch, with the certificate and the dates, when one is not valid at `when`.
Result<> check_validity(std::span<const Certificate> chain, base::Seconds when);

/// Whether a subject has all parts that `wanted` names ("C=US, O=Example"; commas in a value are
/// written "\,"). Errc::invalid when `wanted` is not such a list.
Result<bool> subject_matches(const Certificate& certificate, std::string_view wanted);

}  // namespace imgforge::sign
