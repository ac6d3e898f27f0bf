// SHA-256 of a stream and, at the same time, of one stretch of it after another: a layer's diffID
// and the digest of each file in it.
#pragma once

#include <cstdint>
#include <string>

#include "base/sha256.h"

namespace imgforge::archive {

class Sha256Pair {
 public:
  void update(base::Bytes bytes);
  /// From here on the bytes also belong to the inner digest.
  void begin_inner();
  /// Ends the stretch: 64 lower-case hex digits.
  std::string end_inner_hex();
  /// The digest of everything. The object is spent.
  std::string finish_hex();

 private:
  base::Sha256 outer_;
  base::Sha256 inner_;
  bool inner_open_ = false;
};

}  // namespace imgforge::archive
