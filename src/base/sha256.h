// SHA-256 (FIPS 180-4) through OpenSSL, which uses the processor's SHA instructions.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace imgforge::base {

using Sha256Value = std::array<std::byte, 32>;

/// Streaming hash. After finish() the object is spent until reset().
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(Bytes bytes);
  Sha256Value finish();
  /// finish() as 64 lower-case hex digits.
  std::string finish_hex();
  void reset();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha256_hex(Bytes bytes);
inline std::string sha256_hex(std::string_view text) { return sha256_hex(as_bytes(text)); }

/// Passes bytes on (or drops them when `next` is null) and hashes and counts them on the way.
class HashingSink final : public Sink {
 public:
  explicit HashingSink(Sink* next = nullptr) : next_(next) {}
  Result<> write(Bytes bytes) override;
  std::uint64_t size() const { return size_; }
  std::string finish_hex() { return hash_.finish_hex(); }

 private:
  Sink* next_;
  Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace imgforge::base
