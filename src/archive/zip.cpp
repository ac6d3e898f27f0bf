#include "archive/zip.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string_view>

#include "archive/member_reader.h"
#include "archive/tar.h"
#include "archive/zip_directory.h"

namespace imgforge::archive {

using base::Bytes;
using base::RandomAccess;
using namespace zip_format;

Result<ZipArchive> ZipArchive::open(const RandomAccess& data, std::string name_for_errors,
                                    ZipLimits limits) {
  ZipArchive zip;
  zip.data_ = &data;
  zip.name_ = std::move(name_for_errors);
  Directory directory = TRY(read_directory(data, limits, zip.name_));
  zip.directory_offset_ = directory.offset;
  zip.entries_ = std::move(directory.entries);
  TRY(zip.index());
  return zip;
}

Result<> ZipArchive::index() {
  by_name_.resize(entries_.size());
  std::iota(by_name_.begin(), by_name_.end(), 0u);
  std::sort(by_name_.begin(), by_name_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return entries_[a].name < entries_[b].name; });
  for (std::size_t i = 1; i < by_name_.size(); ++i) {
    const std::string& name = entries_[by_name_[i]].name;
    if (name == entries_[by_name_[i - 1]].name) {
      return fail(Errc::invalid, name_ + " has two members named \"" + name + "\"");
    }
  }
  // Members may lie in any order but not on each other: a bomb would have many names for one
  // stream. The exact end of a member depends on its local header; data_offset() checks that.
  offsets_.reserve(entries_.size() + 1);
  for (const ZipEntry& entry : entries_) offsets_.push_back(entry.header_offset);
  offsets_.push_back(directory_offset_);
  std::sort(offsets_.begin(), offsets_.end());
  for (const ZipEntry& entry : entries_) {
    if (entry.header_offset >= directory_offset_ || room_for(entry) < kLocalHeaderSize ||
        entry.compressed_size > room_for(entry) - kLocalHeaderSize) {
      return fail(broken(name_, "the member \"" + entry.name + "\" overlaps another part"));
    }
  }
  return {};
}

std::uint64_t ZipArchive::room_for(const ZipEntry& entry) const {
  const auto own = std::lower_bound(offsets_.begin(), offsets_.end(), entry.header_offset);
  if (own == offsets_.end() || *own != entry.header_offset || own + 1 == offsets_.end()) return 0;
  return own[1] - *own;
}

const ZipEntry* ZipArchive::find(std::string_view name) const {
  const auto found = std::lower_bound(
      by_name_.begin(), by_name_.end(), name,
      [&](std::uint32_t i, std::string_view wanted) { return entries_[i].name < wanted; });
  if (found == by_name_.end() || entries_[*found].name != name) return nullptr;
  return &entries_[*found];
}

Result<std::uint64_t> ZipArchive::data_offset(const ZipEntry& entry) const {
  const std::uint64_t room = room_for(entry);
  if (room < kLocalHeaderSize) {
    return fail(Errc::internal, "\"" + entry.name + "\" is not a member of " + name_);
  }
  // Usually header, name and extra field come with one read.
  std::array<std::byte, 512> first;
  Bytes header(first.data(), static_cast<std::size_t>(std::min<std::uint64_t>(first.size(), room)));
  TRY(data_->read_at(entry.header_offset, base::MutableBytes(first).first(header.size())));
  const auto contradicts = [&](const char* what) {
    return fail(broken(name_, "the local header of \"" + entry.name +
                                  "\" contradicts the "
                                  "directory (" +
                                  what + ")"));
  };
  if (u32(header, 0) != kLocalHeader) return contradicts("it is no header");
  const unsigned flags = u16(header, 6);
  if ((flags & (kEncrypted | kStrongEncryption | kMasked)) != 0) return contradicts("encryption");
  if (u16(header, 8) != entry.method) return contradicts("method");
  const std::size_t name_size = u16(header, 26);
  const std::uint64_t data_at = kLocalHeaderSize + name_size + u16(header, 28);
  if (data_at > room || entry.compressed_size > room - data_at) {
    return fail(broken(name_, "the member \"" + entry.name + "\" overlaps another part"));
  }

  std::vector<std::byte> long_name;
  Bytes name;
  if (kLocalHeaderSize + name_size <= header.size()) {
    name = header.subspan(kLocalHeaderSize, name_size);
  } else {
    long_name.resize(name_size);
    TRY(data_->read_at(entry.header_offset + kLocalHeaderSize, long_name));
    name = long_name;
  }
  const std::string raw = TRY(stored_name(name, flags, name_));
  const auto local_name = normal_path(raw);
  if (!local_name || *local_name != entry.name || raw.ends_with('/') != entry.is_directory) {
    return contradicts("name");
  }
  // With a data descriptor the fields are zero; zip64 puts a marker; anything else must agree.
  const bool streamed = (flags & kDescriptor) != 0;
  const auto agrees = [&](std::uint32_t local, std::uint64_t value, bool marker) {
    return local == value || (streamed && local == 0) || (marker && local == 0xffffffff);
  };
  if (!agrees(u32(header, 14), entry.crc32, false)) return contradicts("CRC-32");
  if (!agrees(u32(header, 18), entry.compressed_size, true)) return contradicts("compressed size");
  if (!agrees(u32(header, 22), entry.size, true)) return contradicts("size");
  return entry.header_offset + data_at;
}

namespace {

class MemberSource final : public base::Source {
 public:
  Result<> start(const RandomAccess& data, MemberRange range) {
    return reader_.start(data, std::move(range));
  }
  Result<std::size_t> read(base::MutableBytes buffer) override { return reader_.read(buffer); }

 private:
  MemberReader reader_;
};

}  // namespace

Result<MemberRange> member_range(const ZipArchive& zip, const ZipEntry& entry) {
  return MemberRange{.offset = TRY(zip.data_offset(entry)),
                     .compressed_size = entry.compressed_size,
                     .size = entry.size,
                     .crc32 = entry.crc32,
                     .deflated = entry.method == 8,
                     .shown = "\"" + entry.name + "\" in " + zip.name()};
}

Result<std::unique_ptr<base::Source>> ZipArchive::open_entry(const ZipEntry& entry) const {
  auto source = std::make_unique<MemberSource>();
  TRY(source->start(*data_, TRY(member_range(*this, entry))));
  return source;
}

Result<std::string> ZipArchive::read(const ZipEntry& entry, std::size_t limit) const {
  if (entry.size > limit) {
    return fail(Errc::invalid, "\"" + entry.name + "\" in " + name_ + " has " +
                                   std::to_string(entry.size) + " bytes, more than the limit of " +
                                   std::to_string(limit));
  }
  MemberReader reader;
  TRY(reader.start(*data_, TRY(member_range(*this, entry))));
  std::string content(static_cast<std::size_t>(entry.size), '\0');
  base::MutableBytes rest(reinterpret_cast<std::byte*>(content.data()), content.size());
  while (!rest.empty()) rest = rest.subspan(TRY(reader.read(rest)));
  return content;
}

}  // namespace imgforge::archive
