#include "sign/ed25519ph.h"

#include <sodium.h>

namespace imgforge::sign {

bool verifies_ed25519ph(std::string_view key, std::string_view message,
                        std::string_view signature) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
  };
  crypto_sign_state state;
  return sodium_init() >= 0 && key.size() == crypto_sign_PUBLICKEYBYTES &&
         signature.size() == crypto_sign_BYTES && crypto_sign_init(&state) == 0 &&
         crypto_sign_update(&state, bytes(message), message.size()) == 0 &&
         // Takes a pointer that is not const, and does not write to it.
         crypto_sign_final_verify(&state, const_cast<unsigned char*>(bytes(signature)),
                                  bytes(key)) == 0;
}

}  // namespace imgforge::sign
