// Sigstore bundles v0.3, as cosign 3 attaches them to images: a DSSE envelope, and with which key
// to check it. Source: sigstore protobuf-specs, sigstore_bundle.proto.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "sign/dsse.h"

namespace imgforge::sign {

struct Bundle {
  /// VerificationKey::hint() of the signer, as the bundle says; empty for certificates. A hint: it
  /// is not signed.
  std::string key_hint;
  Envelope envelope;
};

std::string to_json(const Bundle& bundle);

/// Versions 0.1 to 0.3. Errc::unsupported for a bundle over a plain file (messageSignature) and
/// for certificates of a keyless signature, which only a transparency log vouches for.
Result<Bundle> parse_bundle(std::string_view json);

}  // namespace imgforge::sign
