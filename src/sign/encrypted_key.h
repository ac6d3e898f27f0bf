// The envelope in which cosign keeps a private key: JSON of a scrypt salt and a NaCl secretbox
// (XSalsa20-Poly1305) under a key derived from a passphrase.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "sign/secret.h"

namespace imgforge::sign {

/// A new envelope around `plaintext`, with fresh salt and nonce. An empty passphrase is allowed, as
/// it is in cosign.
Result<std::string> seal_key(std::string_view plaintext, std::string_view passphrase);

/// Errc::unauthorized for a wrong passphrase (or a damaged box, which nobody can tell from it).
/// `name` says which file it is, for the error.
Result<Secret> open_key(std::string_view envelope, std::string_view passphrase,
                        const std::string& name);

}  // namespace imgforge::sign
