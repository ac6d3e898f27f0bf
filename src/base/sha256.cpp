#include "base/sha256.h"

#include <openssl/evp.h>

#include <cstdlib>

#include "base/text.h"

namespace imgforge::base {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

namespace {
const EVP_MD* sha256_algorithm() {
  // Fetched once: EVP_sha256() looks the implementation up anew at every init (OpenSSL 3).
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}
// EVP calls on SHA-256 fail only without memory; there is nothing better to do than to stop.
void require(int ok) {
  if (ok != 1) std::abort();
}
}  // namespace

Sha256::Sha256() : context_(std::make_unique<Context>()) { reset(); }
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::reset() { require(EVP_DigestInit_ex2(context_->evp, sha256_algorithm(), nullptr)); }

void Sha256::update(Bytes bytes) {
  require(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()));
}

Sha256Value Sha256::finish() {
  Sha256Value value;
  unsigned length = 0;
  require(
      EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(value.data()), &length));
  return value;
}

std::string Sha256::finish_hex() { return to_hex(finish()); }

std::string sha256_hex(Bytes bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.finish_hex();
}

Result<> HashingSink::write(Bytes bytes) {
  hash_.update(bytes);
  size_ += bytes.size();
  if (next_ != nullptr) return next_->write(bytes);
  return {};
}

}  // namespace imgforge::base
