// Notary Project signatures (notation) by a key with a certificate chain, as referrers. Source:
// Notary Project signature-specification.md v1.1 (payload, storage).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/time.h"
#include "sign/artifact.h"
#include "sign/certificate.h"

namespace imgforge::sign {

struct NotationOptions {
  base::Seconds signing_time;
  std::optional<base::Seconds> expiry;
  std::map<std::string, std::string> annotations;  // signed ("notation sign --user-metadata")
  std::string agent;                               // "imgforge/0.1.0"
};

/// `chain` from the leaf, which is the key's, to its self-signed root.
Result<Artifact> sign_with_notation(const oci::Descriptor& subject, const SigningKey& key,
                                    const std::vector<Certificate>& chain,
                                    const NotationOptions& options);

struct NotationSignature {
  oci::Descriptor target;  // with the signed annotations
  std::vector<Certificate> chain;
  base::Seconds signing_time;
};

/// Opens the JWS in `content`, and demands a chain that may sign and that neither signature nor
/// certificates have expired at `now` (countersigned timestamps are not evaluated). Whether the
/// chain is trusted is the caller's question.
Result<NotationSignature> open_notation(std::string_view content, base::Seconds now);

}  // namespace imgforge::sign
