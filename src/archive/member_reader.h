// Reads the content of one zip member after another: raw bytes in, content out, with the promises
// of a splice checked on the way. When the last byte of a member has been handed out, its deflate
// stream has ended exactly at compressed_size, has given exactly `size` bytes, and their CRC-32 is
// the directory's.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/zip.h"
#include "base/bytes.h"

namespace imgforge::archive {

/// A member's place and promises, taken from the zip directory.
struct MemberRange {
  std::uint64_t offset = 0;  // of the raw data
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint32_t crc32 = 0;
  bool deflated = false;
  std::string shown;  // "NAME in ARCHIVE", for errors
};

/// Reads and checks the member's local header.
Result<MemberRange> member_range(const ZipArchive& zip, const ZipEntry& entry);

/// Reusable: start() begins the next member and keeps the buffers. About 350 KiB.
class MemberReader {
 public:
  MemberReader();
  ~MemberReader();
  MemberReader(MemberReader&&) noexcept;

  /// Borrows `data` (and `raw`, which receives every raw byte of the member once, in order) until
  /// the member has been read.
  Result<> start(const base::RandomAccess& data, MemberRange range, base::Sink* raw = nullptr);
  /// Fills `buffer` as far as the member reaches; 0 only at its end. Errc::mismatch when the member
  /// is not what the directory says.
  Result<std::size_t> read(base::MutableBytes buffer);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::archive
