// SHA-256 of a stream and, at the same time, of one stretch of it after another: a layer's diffID
// and the digest of each file in it. Both consume the same bytes, so where a stretch begins at a
// multiple of 64 (a file in a tar does) they share the message schedule, and on processors with SHA
// instructions two digests cost little more than one.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace imgforge::archive {

class Sha256Pair {
 public:
  /// Whether this processor has the instructions; without them OpenSSL computes both digests.
  static bool accelerated();

  explicit Sha256Pair(bool accelerate = accelerated());
  ~Sha256Pair();

  void update(base::Bytes bytes);
  /// From here on the bytes also belong to the inner digest.
  void begin_inner();
  /// Ends the stretch: 64 lower-case hex digits.
  std::string end_inner_hex();
  /// The digest of everything. The object is spent.
  std::string finish_hex();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::archive
