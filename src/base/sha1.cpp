#include "base/sha1.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

#include "base/text.h"

namespace imgforge::base {

struct Sha1::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

namespace {
// EVP calls on SHA-1 fail only without memory; there is nothing better to do than to stop.
void require(int ok) {
  if (ok != 1) std::abort();
}
}  // namespace

Sha1::Sha1() : context_(std::make_unique<Context>()) {
  require(EVP_DigestInit_ex2(context_->evp, EVP_sha1(), nullptr));
}
Sha1::~Sha1() = default;
Sha1::Sha1(Sha1&&) noexcept = default;
Sha1& Sha1::operator=(Sha1&&) noexcept = default;

void Sha1::update(Bytes bytes) {
  require(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()));
}

std::string Sha1::finish_hex() {
  std::array<std::byte, 20> value;
  unsigned length = 0;
  require(
      EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(value.data()), &length));
  return to_hex(value);
}

std::string sha1_hex(std::string_view text) {
  Sha1 hash;
  hash.update(as_bytes(text));
  return hash.finish_hex();
}

}  // namespace imgforge::base
