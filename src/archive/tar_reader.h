// Reads any tar (ustar, pax, GNU; plain, gzip, xz, zstd, bzip2) entry by entry through libarchive.
// Bounded: limits against bombs; nothing is written to disk. Names come out as UTF-8 whatever the
// locale. Damage that the compression's own check would show (gzip's CRC) can pass libarchive: the
// caller knows the digest of what it reads.
#pragma once

#include <memory>
#include <optional>

#include "archive/tar.h"
#include "base/bytes.h"

namespace imgforge::archive {

struct ReadLimits {
  std::uint64_t entries = 5'000'000;
  std::uint64_t total_bytes = std::uint64_t{1} << 40;
  /// Uncompressed to compressed bytes, checked after the first 64 MiB.
  std::uint64_t ratio = 2000;
};

class TarReader {
 public:
  /// Borrows `source` (the possibly compressed stream) until destroyed.
  static Result<TarReader> open(base::Source& source, ReadLimits limits = {});
  ~TarReader();
  TarReader(TarReader&&) noexcept;

  /// The next entry with its path normalised (normal_path) and hard link targets too; nullopt at
  /// the end. The content of the entry before is skipped. The root entry itself ("./") has the path
  /// "". Sparse files read dense. uname/gname are dropped.
  Result<std::optional<TarEntry>> next();
  /// The content of the current entry; valid until next().
  base::Source& content();

 private:
  struct State;
  explicit TarReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::archive
