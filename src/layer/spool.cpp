#include "layer/spool.h"

#include <unistd.h>

#include <algorithm>

namespace imgforge::layer {

namespace {

/// A RangeSource that keeps its file alive.
class SpooledContent final : public base::Source {
 public:
  SpooledContent(std::shared_ptr<base::File> file, std::uint64_t offset, std::uint64_t size)
      : file_(std::move(file)), range_(*file_, offset, size) {}
  Result<std::size_t> read(base::MutableBytes buffer) override { return range_.read(buffer); }

 private:
  std::shared_ptr<base::File> file_;
  base::RangeSource range_;
};

}  // namespace

Result<EntrySpool> EntrySpool::create(const std::string& scratch, base::Seconds mtime,
                                      TreeEntries::Repeat repeat) {
  auto folder = TRY(base::TempDir::create(scratch, "spool"));
  auto file = std::make_shared<base::File>(TRY(base::File::create(folder / "contents", 0600)));
  return EntrySpool(std::move(file), mtime, repeat);
}

Result<> EntrySpool::append(base::Source& content, std::uint64_t size, const std::string& path) {
  buffer_.resize(base::kChunk);
  while (size > 0) {
    const std::size_t want = std::min<std::uint64_t>(size, buffer_.size());
    const std::size_t n = TRY(content.read(base::MutableBytes(buffer_).first(want)));
    if (n == 0) return fail(Errc::invalid, "the content of " + path + " ends early");
    TRY(file_->write(base::Bytes(buffer_).first(n)));
    end_ += n;
    size -= n;
  }
  return {};
}

Result<> EntrySpool::add(const archive::TarEntry& entry, base::Source& content,
                         const std::string& origin) {
  if (entry.type != archive::EntryType::file || entry.size == 0) {
    return entries_.add(entry, origin);
  }
  const std::uint64_t offset = end_;
  TRY(append(content, entry.size, entry.path));
  return entries_.add(
      entry,
      [file = file_, offset, size = entry.size]() -> Result<std::unique_ptr<base::Source>> {
        return std::make_unique<SpooledContent>(file, offset, size);
      },
      origin);
}

Result<> EntrySpool::add(const archive::TarEntry& entry, const std::string& origin) {
  return entries_.add(entry, origin);
}

}  // namespace imgforge::layer
