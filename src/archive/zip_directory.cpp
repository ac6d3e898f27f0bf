#include "archive/zip_directory.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "archive/tar.h"
#include "archive/utf8.h"

namespace imgforge::archive::zip_format {

using base::Bytes;
using base::RandomAccess;

namespace {

// Records and their fixed sizes (APPNOTE 6.3.10, 4.3.12, 4.3.14 to 4.3.16).
constexpr std::uint32_t kDirectoryHeader = 0x02014b50;
constexpr std::uint32_t kEnd = 0x06054b50;
constexpr std::uint32_t kEnd64 = 0x06064b50;
constexpr std::uint32_t kEnd64Locator = 0x07064b50;
constexpr std::size_t kDirectoryHeaderSize = 46;
constexpr std::size_t kEndSize = 22;
constexpr std::size_t kEnd64Size = 56;
constexpr std::size_t kEnd64LocatorSize = 20;
constexpr std::uint16_t kZip64Extra = 0x0001;

// Ratios are not judged below this size: an empty log of a few hundred kilobytes is no bomb.
constexpr std::uint64_t kRatioFrom = 1 << 20;

template <class T>
T little(Bytes bytes, std::size_t at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    value |= static_cast<T>(static_cast<T>(bytes[at + i]) << (8 * i));
  }
  return value;
}

}  // namespace

std::uint16_t u16(Bytes bytes, std::size_t at) { return little<std::uint16_t>(bytes, at); }
std::uint32_t u32(Bytes bytes, std::size_t at) { return little<std::uint32_t>(bytes, at); }
std::uint64_t u64(Bytes bytes, std::size_t at) { return little<std::uint64_t>(bytes, at); }

Error broken(const std::string& archive, const std::string& what) {
  return Error(Errc::invalid, archive + " is not a usable zip archive: " + what);
}

// UTF-8 is taken as such even without the flag: Info-ZIP on unix writes it so.
Result<std::string> stored_name(Bytes raw, unsigned flags, const std::string& archive) {
  const std::string_view text = base::as_text(raw);
  if (is_utf8(text)) return std::string(text);
  if ((flags & kUtf8) == 0) return cp437_to_utf8(text);
  return fail(broken(archive, "a member's name is not valid UTF-8"));
}

namespace {

struct Extent {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::uint64_t entries = 0;
};

// Finds the end record: the last one whose comment reaches exactly to the end of the file.
Result<Extent> find_directory(const RandomAccess& data, const std::string& archive) {
  const std::uint64_t total = data.size();
  if (total < kEndSize) return fail(broken(archive, "it is too short"));
  const auto tail_size =
      static_cast<std::size_t>(std::min<std::uint64_t>(total, kEndSize + 0xffff));
  std::vector<std::byte> tail(tail_size);
  TRY(data.read_at(total - tail_size, tail));
  std::size_t at = tail_size - kEndSize;
  for (;; --at) {
    if (u32(tail, at) == kEnd && at + kEndSize + u16(tail, at + 20) == tail_size) break;
    if (at == 0) return fail(broken(archive, "its end record is missing (is the file complete?)"));
  }
  const Bytes end = Bytes(tail).subspan(at);
  const std::uint64_t end_offset = total - tail_size + at;
  std::uint64_t directory_end = end_offset;
  Extent found{u32(end, 16), u32(end, 12), u16(end, 10)};
  std::uint64_t entries_here = u16(end, 8);
  bool one_disk = u16(end, 4) == 0 && u16(end, 6) == 0;

  std::array<std::byte, kEnd64LocatorSize> locator;
  if (end_offset >= kEnd64LocatorSize) {
    TRY(data.read_at(end_offset - kEnd64LocatorSize, locator));
    if (u32(locator, 0) == kEnd64Locator) {
      const std::uint64_t offset = u64(locator, 8);
      const std::uint64_t limit = end_offset - kEnd64LocatorSize;
      if (limit < kEnd64Size || offset > limit - kEnd64Size) {
        return fail(broken(archive, "its zip64 end record lies outside of the file"));
      }
      std::array<std::byte, kEnd64Size> end64;
      TRY(data.read_at(offset, end64));
      if (u32(end64, 0) != kEnd64) {
        return fail(broken(archive, "its zip64 end record is missing"));
      }
      // A field of the short record is either the same or the marker "see zip64".
      const auto agrees = [](std::uint64_t shorter, std::uint64_t longer, std::uint64_t marker) {
        return shorter == marker || shorter == longer;
      };
      if (!agrees(found.offset, u64(end64, 48), 0xffffffff) ||
          !agrees(found.size, u64(end64, 40), 0xffffffff) ||
          !agrees(found.entries, u64(end64, 32), 0xffff) ||
          !agrees(entries_here, u64(end64, 24), 0xffff)) {
        return fail(broken(archive, "its two end records contradict each other"));
      }
      one_disk = u32(end64, 16) == 0 && u32(end64, 20) == 0 && u32(locator, 4) == 0 &&
                 u32(locator, 16) <= 1;
      found = {u64(end64, 48), u64(end64, 40), u64(end64, 32)};
      entries_here = u64(end64, 24);
      directory_end = offset;
    }
  }
  if (!one_disk || entries_here != found.entries) {
    return fail(Errc::unsupported, archive + " is one part of a zip archive on several disks");
  }
  if (found.offset > directory_end || found.size != directory_end - found.offset) {
    return fail(broken(archive,
                       "its directory is not where the end record says (bytes before the "
                       "archive, or a damaged file)"));
  }
  return found;
}

// Reads the directory front to back through one buffer that only grows for a huge entry.
class DirectoryCursor {
 public:
  DirectoryCursor(const RandomAccess& data, const Extent& directory)
      : data_(data), offset_(directory.offset), rest_(directory.size) {}

  bool at_end() const { return rest_ == 0 && begin_ == buffer_.size(); }
  /// The next `size` bytes, not consumed; empty when the directory is shorter.
  Result<Bytes> peek(std::size_t size) {
    const std::size_t have = buffer_.size() - begin_;
    if (have < size && rest_ > 0) {
      buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
      begin_ = 0;
      const auto more = static_cast<std::size_t>(
          std::min<std::uint64_t>(rest_, std::max(size - have, base::kChunk)));
      buffer_.resize(have + more);
      TRY(data_.read_at(offset_, base::MutableBytes(buffer_).subspan(have)));
      offset_ += more;
      rest_ -= more;
    }
    if (buffer_.size() - begin_ < size) return Bytes{};
    return Bytes(buffer_).subspan(begin_, size);
  }
  void skip(std::size_t size) { begin_ += size; }

 private:
  const RandomAccess& data_;
  std::uint64_t offset_;
  std::uint64_t rest_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
};

// Takes the 64-bit values of fields that hold the marker, in the order of 4.5.3.
Result<> apply_zip64(Bytes extra, ZipEntry& entry, const std::string& archive) {
  const bool size = entry.size == 0xffffffff;
  const bool compressed = entry.compressed_size == 0xffffffff;
  const bool offset = entry.header_offset == 0xffffffff;
  for (std::size_t at = 0; extra.size() - at >= 4;) {
    const std::size_t length = u16(extra, at + 2);
    if (length > extra.size() - at - 4) break;  // padding or nonsense of foreign tools
    if (u16(extra, at) == kZip64Extra) {
      Bytes field = extra.subspan(at + 4, length);
      for (const auto& [wanted, target] : {std::pair{size, &entry.size},
                                           {compressed, &entry.compressed_size},
                                           {offset, &entry.header_offset}}) {
        if (!wanted) continue;
        if (field.size() < 8) {
          return fail(broken(archive, "the zip64 field of \"" + entry.name + "\" is too short"));
        }
        *target = u64(field, 0);
        field = field.subspan(8);
      }
      return {};
    }
    at += 4 + length;
  }
  if (offset) {
    return fail(broken(archive, "the zip64 field of \"" + entry.name + "\" is missing"));
  }
  return {};  // exactly 4 GiB - 1 is a valid size without the field
}

Result<> check_member(const ZipEntry& entry, unsigned flags, const ZipLimits& limits,
                      const std::string& archive) {
  const std::string shown = "\"" + entry.name + "\" in " + archive;
  if ((flags & (kEncrypted | kStrongEncryption | kMasked)) != 0) {
    return fail(Errc::unsupported, shown + " is encrypted");
  }
  if ((flags & kPatched) != 0 || (entry.method != 0 && entry.method != 8)) {
    return fail(Error(Errc::unsupported, shown + " uses the zip method " +
                                             std::to_string(entry.method) +
                                             "; only stored and deflate are read")
                    .hint("pack the archive again with an ordinary zip program"));
  }
  if (entry.method == 0 && entry.size != entry.compressed_size) {
    return fail(broken(archive, "the stored member \"" + entry.name + "\" has two sizes"));
  }
  if (entry.method == 8 && entry.compressed_size == 0) {
    return fail(broken(archive, "the member \"" + entry.name + "\" has no compressed data"));
  }
  if (entry.is_directory && entry.size != 0) {
    return fail(broken(archive, "the folder \"" + entry.name + "\" has content"));
  }
  if (entry.size > kRatioFrom && entry.size / limits.ratio > entry.compressed_size) {
    return fail(Errc::invalid, shown + " would grow more than " + std::to_string(limits.ratio) +
                                   " times when unpacked, which no honest archive does");
  }
  constexpr std::uint32_t kFormat = 0170000;
  const std::uint32_t format = entry.unix_mode & kFormat;
  if (format != 0 && format != 0100000 && format != 0040000 && format != 0120000) {
    return fail(Errc::unsupported, shown + " is a device, pipe or socket");
  }
  return {};
}

Result<ZipEntry> next_entry(DirectoryCursor& cursor, const ZipLimits& limits,
                            const std::string& archive) {
  const Bytes fixed = TRY(cursor.peek(kDirectoryHeaderSize));
  if (fixed.empty() || u32(fixed, 0) != kDirectoryHeader) {
    return fail(broken(archive, "its directory is damaged"));
  }
  const std::size_t name_size = u16(fixed, 28);
  const std::size_t extra_size = u16(fixed, 30);
  const std::size_t whole = kDirectoryHeaderSize + name_size + extra_size + u16(fixed, 32);
  const Bytes record = TRY(cursor.peek(whole));
  if (record.empty()) return fail(broken(archive, "its directory ends early"));

  const unsigned flags = u16(record, 8);
  const std::string raw_name =
      TRY(stored_name(record.subspan(kDirectoryHeaderSize, name_size), flags, archive));
  if (raw_name.starts_with('/')) {
    return fail(Errc::invalid,
                "the member \"" + raw_name + "\" of " + archive + " has an absolute path");
  }
  ZipEntry entry;
  entry.name = TRY(base::with_context(normal_path(raw_name), "reading " + archive));
  entry.is_directory = raw_name.ends_with('/');
  if (entry.name.empty() && !entry.is_directory) {
    return fail(broken(archive, "the member \"" + raw_name + "\" has no name"));
  }
  entry.method = u16(record, 10);
  entry.crc32 = u32(record, 16);
  entry.compressed_size = u32(record, 20);
  entry.size = u32(record, 24);
  entry.header_offset = u32(record, 42);
  if (u16(record, 34) != 0) {
    return fail(Errc::unsupported, archive + " is one part of a zip archive on several disks");
  }
  entry.unix_mode = u32(record, 38) >> 16;
  entry.is_symlink = (entry.unix_mode & 0170000) == 0120000;
  TRY(apply_zip64(record.subspan(kDirectoryHeaderSize + name_size, extra_size), entry, archive));
  TRY(check_member(entry, flags, limits, archive));
  cursor.skip(whole);
  return entry;
}

}  // namespace

Result<Directory> read_directory(const RandomAccess& data, const ZipLimits& limits,
                                 const std::string& archive) {
  const Extent extent = TRY(find_directory(data, archive));
  if (extent.entries > limits.entries) {
    return fail(Errc::invalid, archive + " has " + std::to_string(extent.entries) +
                                   " members, more than the limit of " +
                                   std::to_string(limits.entries));
  }
  if (extent.entries > extent.size / kDirectoryHeaderSize) {
    return fail(broken(archive, "its directory is too short for its number of members"));
  }
  Directory directory;
  directory.offset = extent.offset;
  directory.entries.reserve(static_cast<std::size_t>(extent.entries));
  DirectoryCursor cursor(data, extent);
  std::uint64_t total = 0;
  while (!cursor.at_end() && directory.entries.size() <= extent.entries) {
    ZipEntry entry = TRY(next_entry(cursor, limits, archive));
    if (entry.size > limits.total_bytes - total) {
      return fail(Errc::invalid, archive + " would unpack to more than the limit of " +
                                     std::to_string(limits.total_bytes) + " bytes");
    }
    total += entry.size;
    directory.entries.push_back(std::move(entry));
  }
  if (directory.entries.size() != extent.entries) {
    return fail(broken(archive, "its directory has another number of members than it says"));
  }
  return directory;
}

}  // namespace imgforge::archive::zip_format
