// Any bytes as a zip. What is accepted has plain, unique names and true sizes; and a layer made of
// it by splicing holds the same tar as one made by inflating, or both are refused.
#include <cstdint>
#include <cstdlib>
#include <map>

#include "archive/layer_writer.h"
#include "archive/tar_reader.h"

using namespace imgforge;
using namespace imgforge::archive;

namespace {

constexpr std::uint64_t kMaxContent = 1 << 20;

void require(bool condition) {
  if (!condition) std::abort();
}

Result<std::string> write_layer(const ZipArchive& zip,
                                const std::map<std::string, const ZipEntry*>& members,
                                Compression compression, std::string& blob) {
  base::StringSink sink(blob);
  LayerWriterOptions options;
  options.encoder = {compression, 1};
  options.splice_from = 1;
  LayerWriter writer(sink, options);
  for (const auto& [name, member] : members) {
    TarEntry entry;
    entry.path = name;
    entry.size = member->size;
    TRY(writer.add(entry, zip, *member));
  }
  return TRY(writer.finish()).diff_id;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const base::TextAccess access(text);
  ZipLimits limits;
  limits.entries = 1000;
  limits.total_bytes = kMaxContent;
  const auto zip = ZipArchive::open(access, "fuzz.zip", limits);
  if (!zip) {
    require(!zip.error().message().empty() && zip.error().code() != Errc::internal);
    return 0;
  }
  std::map<std::string, const ZipEntry*> members;
  for (const ZipEntry& entry : zip->entries()) {
    require(zip->find(entry.name) == &entry);
    require(entry.name.empty() || *normal_path(entry.name) == entry.name);
    const auto content = zip->read(entry, kMaxContent);
    if (content) {
      require(content->size() == entry.size);
      const std::uint64_t begin = *zip->data_offset(entry);
      require(begin <= size && entry.compressed_size <= size - begin);
    } else {
      require(content.error().code() != Errc::internal);
    }
    if (!entry.is_directory) members[entry.name] = &entry;
  }
  std::string spliced, plain;
  const auto by_splice = write_layer(*zip, members, Compression::gzip, spliced);
  const auto by_inflating = write_layer(*zip, members, Compression::none, plain);
  require(by_splice.has_value() == by_inflating.has_value());
  if (!by_splice) return 0;
  require(*by_splice == *by_inflating);
  base::TextSource source(spliced);
  auto reader = TarReader::open(source);
  require(reader.has_value());
  for (const auto& [name, member] : members) {
    const auto entry = reader->next();
    require(entry && *entry && (*entry)->path == name && (*entry)->size == member->size);
    const auto content = base::read_all(reader->content(), kMaxContent);
    require(content && *content == *zip->read(*member, kMaxContent));
  }
  const auto end = reader->next();
  require(end && !*end);
  return 0;
}
