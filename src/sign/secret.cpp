#include "sign/secret.h"

#include <openssl/crypto.h>

#include <utility>

namespace imgforge::sign {

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe(text_);
    text_ = other.text_;
    wipe(other.text_);
  }
  return *this;
}

void Secret::wipe(std::string& text) {
  text.resize(text.capacity());  // allocates nothing; what lies behind the end is wiped too
  OPENSSL_cleanse(text.data(), text.size());
  text.clear();
}

}  // namespace imgforge::sign
