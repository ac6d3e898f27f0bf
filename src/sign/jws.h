// Notation's signature envelope: a flattened JWS whose protected header carries what the Notary
// Project demands and whose unprotected one carries the certificates. Source: Notary Project
// signature-envelope-jws.md and signature-specification.md v1.1.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/certificate.h"

namespace imgforge::sign {

struct JwsEnvelope {
  std::string payload;             // decoded
  std::vector<Certificate> chain;  // leaf first
  base::Seconds signing_time;      // as the signer claims
  std::optional<base::Seconds> expiry;
  std::string agent;           // unsigned
  bool has_timestamp = false;  // an RFC 3161 countersignature, which is not evaluated
};

/// `chain` is the leaf with the key's public half and its issuers up to the root. Errc::invalid
/// when the certificate belongs to another key; Errc::mismatch when the chain may not sign.
Result<std::string> sign_jws(const JwsEnvelope& envelope, const SigningKey& key);

/// Parses, and checks the signature by the leaf's key: the content is what the holder of that key
/// signed. Neither the chain nor a date is judged. Errc::unsupported for signing schemes and
/// critical headers unknown here.
Result<JwsEnvelope> open_jws(std::string_view json);

}  // namespace imgforge::sign
