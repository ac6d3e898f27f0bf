#include "archive/tar.h"

#include <array>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "archive/utf8.h"

namespace imgforge::archive {
namespace {

// Offsets and widths of the ustar header (POSIX.1-2017, pax, "ustar Interchange Format").
struct Field {
  std::size_t offset;
  std::size_t width;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12},
    kMtime{136, 12}, kChecksum{148, 8}, kType{156, 1}, kLink{157, 100}, kMagic{257, 8},
    kMajor{329, 8}, kMinor{337, 8}, kPrefix{345, 155};

constexpr std::uint64_t kMaxOctal7 = 07777777;       // 7 digits: ids, device numbers
constexpr std::uint64_t kMaxOctal11 = 077777777777;  // 11 digits: sizes (8 GiB - 1), times

using Block = std::array<char, kTarBlock>;

void put_text(Block& block, Field field, std::string_view text) {
  text.copy(block.data() + field.offset, field.width);
}

void put_octal(Block& block, Field field, std::uint64_t value) {
  for (std::size_t i = field.width - 1; i-- > 0; value >>= 3) {
    block[field.offset + i] = static_cast<char>('0' + (value & 7));
  }
}

void put_checksum(Block& block) {
  std::memset(block.data() + kChecksum.offset, ' ', kChecksum.width);
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  put_octal(block, {kChecksum.offset, kChecksum.width - 1}, sum);
  block[kChecksum.offset + 6] = '\0';
}

char type_flag(EntryType type) {
  switch (type) {
    case EntryType::file:
      return '0';
    case EntryType::hard_link:
      return '1';
    case EntryType::symlink:
      return '2';
    case EntryType::character_device:
      return '3';
    case EntryType::block_device:
      return '4';
    case EntryType::directory:
      return '5';
    case EntryType::fifo:
      return '6';
  }
  return '0';
}

// Splits at a slash so that both parts fit; false when no slash does.
bool put_path(Block& block, std::string_view path) {
  if (path.size() <= kName.width) {
    put_text(block, kName, path);
    return true;
  }
  // The leftmost slash that leaves at most 100 bytes after it, and something after it (a
  // directory's own trailing slash is no place to split).
  const std::size_t from = path.size() - kName.width - 1;
  const std::size_t slash = path.find('/', from);
  if (slash == std::string_view::npos || slash > kPrefix.width || slash + 1 >= path.size()) {
    return false;
  }
  put_text(block, kPrefix, path.substr(0, slash));
  put_text(block, kName, path.substr(slash + 1));
  return true;
}

// What a reader without pax support shows: cut, and '_' for what is not ASCII.
std::string fallback(std::string_view text, std::size_t width) {
  std::string out(text.substr(0, width));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) c = '_';
  }
  return out;
}

bool is_ascii(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// "LENGTH KEY=VALUE\n", where LENGTH counts itself.
void append_record(std::string& out, std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (rest + std::to_string(length).size() != length) {
    length = rest + std::to_string(length).size();
  }
  out += std::to_string(length);
  out += ' ';
  out += key;
  out += '=';
  out += value;
  out += '\n';
}

bool is_plain_path(std::string_view path) {
  if (path.empty() || path.find('\0') != std::string_view::npos) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    if (part.empty() || part == "." || part == "..") return false;
    if (slash == std::string_view::npos) return true;
    path.remove_prefix(slash + 1);
  }
}

Result<> check(const TarEntry& entry) {
  if (!is_plain_path(entry.path)) {
    return fail(Errc::invalid, "the path \"" + entry.path + "\" cannot stand in a layer: it must " +
                                   "be relative, without empty, \".\" and \"..\" parts");
  }
  if (entry.type == EntryType::hard_link && !is_plain_path(entry.link_target)) {
    return fail(Errc::invalid, "the hard link \"" + entry.path + "\" points to \"" +
                                   entry.link_target + "\", which is not a path inside the layer");
  }
  if (entry.type == EntryType::symlink &&
      (entry.link_target.empty() || entry.link_target.find('\0') != std::string::npos)) {
    return fail(Errc::invalid, "the symbolic link \"" + entry.path + "\" has no usable target");
  }
  if (entry.type != EntryType::file && entry.size != 0) {
    return fail(Errc::internal, "the entry \"" + entry.path + "\" is no file and has content");
  }
  if (entry.mode > 07777) {
    return fail(Errc::internal, "the entry \"" + entry.path + "\" has bits beside permissions");
  }
  if (entry.device_major > kMaxOctal7 || entry.device_minor > kMaxOctal7) {
    return fail(Errc::unsupported, "the device \"" + entry.path + "\" has too large numbers");
  }
  for (const auto& [name, value] : entry.xattrs) {
    if (name.empty() || name.find_first_of(std::string_view("=\0", 2)) != std::string::npos) {
      return fail(Errc::unsupported, "the extended attribute \"" + name + "\" of \"" + entry.path +
                                         "\" has a name that tar cannot hold");
    }
  }
  return {};
}

}  // namespace

Result<std::string> tar_header(const TarEntry& entry) {
  TRY(check(entry));
  Block block{};
  std::string records;  // keys in a fixed order: text first, then numbers, then attributes by name
  bool raw_bytes = false;

  // A text goes into the ustar field when it is ASCII and fits. UTF-8 needs a record by the
  // standard; other bytes stay in the field when they fit, since pax has no portable word for them.
  const auto text = [&](std::string_view key, std::string_view value, bool fits, Field field,
                        auto put_whole) {
    const bool ascii = is_ascii(value);
    const bool utf8 = ascii || is_utf8(value);
    if (fits && (ascii || !utf8)) {
      put_whole(block, value);
      return;
    }
    if (!utf8) raw_bytes = true;
    append_record(records, key, value);
    put_text(block, field, fallback(value, field.width));
  };
  std::string path = entry.path;
  if (entry.type == EntryType::directory) path += '/';
  Block probe{};
  text("path", path, put_path(probe, path), kName, put_path);
  if (entry.type == EntryType::symlink || entry.type == EntryType::hard_link) {
    text("linkpath", entry.link_target, entry.link_target.size() <= kLink.width, kLink,
         [](Block& b, std::string_view value) { put_text(b, kLink, value); });
  }

  const auto number = [&](std::string_view key, std::uint64_t value, std::uint64_t limit,
                          Field field) {
    if (value > limit) append_record(records, key, std::to_string(value));
    put_octal(block, field, value > limit ? 0 : value);
  };
  put_octal(block, kMode, entry.mode);
  number("uid", entry.uid, kMaxOctal7, kUid);
  number("gid", entry.gid, kMaxOctal7, kGid);
  number("size", entry.size, kMaxOctal11, kSize);
  if (entry.mtime < 0 || static_cast<std::uint64_t>(entry.mtime) > kMaxOctal11) {
    append_record(records, "mtime", std::to_string(entry.mtime));
    put_octal(block, kMtime, 0);
  } else {
    put_octal(block, kMtime, static_cast<std::uint64_t>(entry.mtime));
  }
  for (const auto& [name, value] : entry.xattrs) {
    append_record(records, "SCHILY.xattr." + name, value);
  }
  block[kType.offset] = type_flag(entry.type);
  put_text(block, kMagic, std::string_view("ustar\00000", 8));
  put_octal(block, kMajor, entry.device_major);
  put_octal(block, kMinor, entry.device_minor);
  put_checksum(block);

  std::string out;
  if (!records.empty()) {
    if (raw_bytes) {
      std::string charset;
      append_record(charset, "hdrcharset", "BINARY");
      records.insert(0, charset);
    }
    Block extended{};
    const std::size_t slash = entry.path.rfind('/');
    const std::string_view name = std::string_view(entry.path).substr(slash + 1);
    put_text(extended, kName, "PaxHeaders/" + fallback(name, 80));
    put_octal(extended, kMode, 0644);
    put_octal(extended, kUid, 0);
    put_octal(extended, kGid, 0);
    put_octal(extended, kSize, records.size());
    put_octal(extended, kMtime, 0);
    extended[kType.offset] = 'x';
    put_text(extended, kMagic, std::string_view("ustar\00000", 8));
    put_octal(extended, kMajor, 0);
    put_octal(extended, kMinor, 0);
    put_checksum(extended);
    out.append(extended.data(), extended.size());
    out += records;
    out.append(static_cast<std::size_t>(tar_padding(records.size())), '\0');
  }
  out.append(block.data(), block.size());
  return out;
}

Result<std::string> normal_path(std::string_view raw) {
  const std::string_view whole = raw;
  if (whole.empty()) return fail(Errc::invalid, "an archive entry has an empty path");
  if (whole.find('\0') != std::string_view::npos) {
    return fail(Errc::invalid, "an archive entry has a path with a NUL byte");
  }
  std::string out;
  while (!raw.empty()) {
    const std::size_t slash = std::min(raw.find('/'), raw.size());
    const std::string_view part = raw.substr(0, slash);
    raw.remove_prefix(std::min(slash + 1, raw.size()));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      return fail(Errc::invalid, "the archive entry \"" + std::string(whole) +
                                     "\" leads out of its folder (\"..\")");
    }
    if (!out.empty()) out += '/';
    out += part;
  }
  return out;
}

}  // namespace imgforge::archive
