// Random access to zip archives by their central directory, with the place of every member's raw
// deflate stream, so that it can be copied without recompressing. zip64 and data descriptors
// included. Refused: encryption, methods other than stored and deflate, duplicate names, absolute
// names and "..", overlapping members, bytes before the archive, local headers that contradict the
// directory, several disks. The directory is the truth; nothing is guessed from local headers.
// Source: PKWARE APPNOTE 6.3.10, sections 4.3 to 4.5.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace imgforge::archive {

struct ZipEntry {
  /// normal_path of the stored name as UTF-8: as it stands when it is valid UTF-8, else from code
  /// page 437. Directories without the trailing slash. The entry "./" is a directory with an empty
  /// name.
  std::string name;
  bool is_directory = false;
  bool is_symlink = false;  // by the unix mode; the content is the target
  /// The upper half of the external attributes, whatever system the archive claims to be from (pip
  /// reads it so): file type and permissions, 0 when there are none. Only plain files, folders and
  /// symbolic links pass.
  std::uint32_t unix_mode = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflate
  std::uint32_t crc32 = 0;
  std::uint64_t compressed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t header_offset = 0;  // of the local header
};

struct ZipLimits {
  std::uint64_t entries = 2'000'000;
  std::uint64_t total_bytes = std::uint64_t{1} << 40;  // sum of uncompressed sizes
  std::uint64_t ratio = 2000;                          // per member, for members above 1 MiB
};

class ZipArchive {
 public:
  /// Reads only the directory. Borrows `data` until destroyed.
  static Result<ZipArchive> open(const base::RandomAccess& data, std::string name_for_errors,
                                 ZipLimits limits = {});

  /// In the order of the central directory.
  const std::vector<ZipEntry>& entries() const { return entries_; }
  const ZipEntry* find(std::string_view name) const;

  /// Where the raw data of a member begins; reads and checks its local header.
  Result<std::uint64_t> data_offset(const ZipEntry& entry) const;

  /// The inflated content in order; the last read fails when CRC or size are wrong. Borrows this
  /// and the data.
  Result<std::unique_ptr<base::Source>> open_entry(const ZipEntry& entry) const;
  /// A whole member of at most `limit` bytes.
  Result<std::string> read(const ZipEntry& entry, std::size_t limit) const;

  const base::RandomAccess& data() const { return *data_; }
  const std::string& name() const { return name_; }

 private:
  ZipArchive() = default;
  const base::RandomAccess* data_ = nullptr;
  std::string name_;
  std::vector<ZipEntry> entries_;
  std::vector<std::uint32_t> by_name_;  // indexes into entries_, sorted by name
  std::vector<std::uint64_t> offsets_;  // of all local headers and the directory, sorted
  std::uint64_t directory_offset_ = 0;

  Result<> index();
  /// From the member's local header to the next thing in the file.
  std::uint64_t room_for(const ZipEntry& entry) const;
};

}  // namespace imgforge::archive
