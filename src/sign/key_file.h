// Files of private keys as texts: cosign's encrypted keys (read and written) and PKCS#8, PKCS#1 and
// SEC1 PEM, plain or encrypted (read). Passphrases come in as values; where they are from is the
// caller's business.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"
#include "sign/key.h"
#include "sign/secret.h"

namespace imgforge::sign {

/// Whether the first private key in `pem` is encrypted. Errc::invalid when there is none; `name`
/// says which file it is.
Result<bool> needs_passphrase(std::string_view pem, const std::string& name);

/// `passphrase` may be null for a key that is not encrypted. Errc::unauthorized when one is missing
/// or wrong.
Result<SigningKey> parse_signing_key(std::string_view pem, const Secret* passphrase,
                                     const std::string& name);

/// "ENCRYPTED SIGSTORE PRIVATE KEY": what every cosign since 1.0 reads. Takes 64 MiB and a fraction
/// of a second, by design (scrypt). A file with this content should have mode 0600.
Result<std::string> write_signing_key(const SigningKey& key, const Secret& passphrase);

/// A key in a place that OpenSSL can open by its URI, without the key leaving it: "pkcs11:..." with
/// a PKCS#11 provider in OpenSSL's own configuration, "file:...". Errc::not_found when no provider
/// knows the scheme or there is no private key; Errc::unauthorized when a PIN was asked for, since
/// a token does not tell the two apart.
Result<SigningKey> open_signing_key(const std::string& uri, const Secret* passphrase);

}  // namespace imgforge::sign
