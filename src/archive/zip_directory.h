// The records of a zip archive as they lie in the file: the end record is found, the directory read
// front to back, and every member checked by what the directory alone says. For zip.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "archive/zip.h"

namespace imgforge::archive::zip_format {

// APPNOTE 6.3.10, 4.3.7.
inline constexpr std::uint32_t kLocalHeader = 0x04034b50;
inline constexpr std::size_t kLocalHeaderSize = 30;

// General purpose bits (4.4.4).
inline constexpr unsigned kEncrypted = 1u << 0, kDescriptor = 1u << 3, kPatched = 1u << 5,
                          kStrongEncryption = 1u << 6, kUtf8 = 1u << 11, kMasked = 1u << 13;

std::uint16_t u16(base::Bytes bytes, std::size_t at);
std::uint32_t u32(base::Bytes bytes, std::size_t at);
std::uint64_t u64(base::Bytes bytes, std::size_t at);

/// Errc::invalid: "ARCHIVE is not a usable zip archive: WHAT".
Error broken(const std::string& archive, const std::string& what);

/// A name field as UTF-8.
Result<std::string> stored_name(base::Bytes raw, unsigned flags, const std::string& archive);

struct Directory {
  std::uint64_t offset = 0;
  std::vector<ZipEntry> entries;  // in the order of the directory; names may repeat
};
Result<Directory> read_directory(const base::RandomAccess& data, const ZipLimits& limits,
                                 const std::string& archive);

}  // namespace imgforge::archive::zip_format
