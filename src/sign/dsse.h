// DSSE envelopes: a typed body and signatures over both. Source: DSSE v1.0, protocol.md and
// envelope.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "sign/key.h"

namespace imgforge::sign {

struct Envelope {
  struct Signature {
    std::string key_id;  // unsigned: a hint at most
    std::string bytes;
  };
  std::string payload_type;
  std::string payload;  // decoded
  std::vector<Signature> signatures;
};

inline constexpr const char* kInTotoPayload = "application/vnd.in-toto+json";

/// "DSSEv1" SP length SP type SP length SP body: what is signed.
std::string pre_authentication_encoding(std::string_view type, std::string_view body);

Result<Envelope> sign_envelope(std::string payload_type, std::string payload,
                               const SigningKey& key);

/// Good when one of the signatures is by `key`; Errc::mismatch otherwise.
Result<> verify_envelope(const Envelope& envelope, const VerificationKey& key);

std::string to_json(const Envelope& envelope);
Result<Envelope> parse_envelope(std::string_view json);

}  // namespace imgforge::sign
