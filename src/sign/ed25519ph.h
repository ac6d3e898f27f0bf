// Ed25519ph (RFC 8032 section 5.1, pre-hashed), which OpenSSL 3.0 does not have. Cosign 3 signs
// bundles with it when its key is Ed25519, and takes plain Ed25519 as well.
#pragma once

#include <string_view>

namespace imgforge::sign {

/// `key` is the raw public key of 32 bytes.
bool verifies_ed25519ph(std::string_view key, std::string_view message, std::string_view signature);

}  // namespace imgforge::sign
