// The one tar dialect that imgforge writes: POSIX ustar headers, a pax extended header only where
// ustar cannot say it (long names, sizes above 8 GiB, large ids, extended attributes as
// SCHILY.xattr), numbers only (no user or group names), no atime or ctime. The same entry always
// gives the same bytes. Source: POSIX.1-2017 pax, "ustar Interchange Format"; image-spec v1.1.1,
// layer.md.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/error.h"

namespace imgforge::archive {

enum class EntryType { file, directory, symlink, hard_link, fifo, character_device, block_device };

struct TarEntry {
  /// Relative, no leading "./" or "/", no trailing slash, no "." or ".." part; bytes, usually
  /// UTF-8.
  std::string path;
  EntryType type = EntryType::file;
  std::uint32_t mode = 0644;  // permission bits with setuid, setgid, sticky
  std::uint64_t uid = 0;
  std::uint64_t gid = 0;
  std::int64_t mtime = 0;                     // whole seconds
  std::uint64_t size = 0;                     // of the content; files only
  std::string link_target;                    // symlink: as stored; hard_link: a path as above
  std::map<std::string, std::string> xattrs;  // full name -> bytes
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
};

inline constexpr std::uint64_t kTarBlock = 512;

/// The header block(s) of an entry: a multiple of 512 bytes. Fails on a path that is not as
/// TarEntry says.
Result<std::string> tar_header(const TarEntry& entry);

/// Zero bytes after a content of `size` bytes.
inline std::uint64_t tar_padding(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

/// Two zero blocks.
inline constexpr std::uint64_t kTarEnd = 2 * kTarBlock;

/// Checks and normalises a path from a foreign archive: strips "./" and leading and trailing
/// slashes, refuses an empty path, NUL, and ".." parts (Errc::invalid, naming the path). "" and "."
/// (the root itself) give "".
Result<std::string> normal_path(std::string_view raw);

}  // namespace imgforge::archive
