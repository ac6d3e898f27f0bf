// Any bytes as a tar, compressed or not. An entry that is accepted is one that a layer can hold: it
// is written by tar_header() and reads back as it was.
#include <cstdint>
#include <cstdlib>

#include "archive/tar_reader.h"

using namespace imgforge;
using namespace imgforge::archive;

namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void check_round_trip(const TarEntry& entry) {
  const auto header = tar_header(entry);
  if (!header) {
    // The root itself, and what tar can say only in dialects that we do not write.
    require(entry.path.empty() || header.error().code() == Errc::unsupported ||
            header.error().code() == Errc::invalid);
    return;
  }
  require(header->size() % kTarBlock == 0);
  base::TextSource source(*header);
  auto reader = TarReader::open(source);
  require(reader.has_value());
  const auto again = reader->next();
  require(again && *again);
  require((*again)->path == entry.path && (*again)->type == entry.type);
  require((*again)->mode == entry.mode && (*again)->size == entry.size);
  require((*again)->uid == entry.uid && (*again)->gid == entry.gid);
  require((*again)->mtime == entry.mtime && (*again)->link_target == entry.link_target);
  require((*again)->xattrs == entry.xattrs);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  base::TextSource source(std::string_view(reinterpret_cast<const char*>(data), size));
  ReadLimits limits;
  limits.entries = 1000;
  limits.total_bytes = 64 << 20;
  auto reader = TarReader::open(source, limits);
  if (!reader) {
    require(!reader.error().message().empty());
    return 0;
  }
  for (std::uint64_t count = 0;; ++count) {
    require(count <= limits.entries);
    const auto entry = reader->next();
    if (!entry || !*entry) return 0;
    require((*entry)->path.empty() || *normal_path((*entry)->path) == (*entry)->path);
    check_round_trip(**entry);
    if (count % 2 == 0) {
      const auto content = base::read_all(reader->content(), 1 << 20);
      if (content && (*entry)->type == EntryType::file) {
        require(content->size() == (*entry)->size);
      }
    }
  }
}
