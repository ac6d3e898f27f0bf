// SHA-1 (FIPS 180-4) through OpenSSL, for documents whose format demands it (SPDX 2.3, "File
// checksum"). Never for deciding whether content is the right one.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace imgforge::base {

/// Streaming hash. After finish_hex() the object is spent.
class Sha1 {
 public:
  Sha1();
  ~Sha1();
  Sha1(Sha1&&) noexcept;
  Sha1& operator=(Sha1&&) noexcept;

  void update(Bytes bytes);
  /// 40 lower-case hex digits.
  std::string finish_hex();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

std::string sha1_hex(std::string_view text);

}  // namespace imgforge::base
