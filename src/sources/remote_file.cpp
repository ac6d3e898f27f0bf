#include "sources/remote_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "http/retry.h"
#include "http/url.h"

namespace imgforge::sources {
namespace {

constexpr std::uint64_t kBlock = 64 * 1024;
constexpr std::size_t kKept = 16;

class BufferSink final : public base::Sink {
 public:
  explicit BufferSink(base::MutableBytes buffer) : rest_(buffer) {}
  Result<> write(base::Bytes bytes) override {
    if (bytes.size() > rest_.size()) {
      return fail(Errc::protocol, "the server sent more than was asked for");
    }
    std::memcpy(rest_.data(), bytes.data(), bytes.size());
    rest_ = rest_.subspan(bytes.size());
    return {};
  }
  bool full() const { return rest_.empty(); }

 private:
  base::MutableBytes rest_;
};

}  // namespace

Result<std::unique_ptr<RemoteFile>> RemoteFile::open(http::Pool& pool, std::string url,
                                                     std::uint64_t size, std::stop_token stop) {
  std::unique_ptr<RemoteFile> file(new RemoteFile(pool, std::move(url), size, std::move(stop)));
  if (size > 0) {
    std::byte last;
    TRY(file->read_at(size - 1, {&last, 1}));
  }
  return file;
}

RemoteFile::Block RemoteFile::cached(std::uint64_t number) const {
  const std::lock_guard lock(mutex_);
  const auto found = blocks_.find(number);
  if (found == blocks_.end()) return nullptr;
  recent_.splice(recent_.begin(), recent_, found->second.second);
  return found->second.first;
}

void RemoteFile::keep(std::uint64_t number, Block block) const {
  const std::lock_guard lock(mutex_);
  if (blocks_.contains(number)) return;
  recent_.push_front(number);
  blocks_.emplace(number, std::pair(std::move(block), recent_.begin()));
  if (recent_.size() > kKept) {
    blocks_.erase(recent_.back());
    recent_.pop_back();
  }
}

Result<> RemoteFile::read_range(std::uint64_t offset, base::MutableBytes buffer) const {
  auto lease = TRY(pool_.borrow());
  return http::retrying(http::RetryPolicy{}, stop_, {}, [&]() -> Result<> {
    BufferSink sink(buffer);
    http::Request request;
    request.url = url_;
    request.range = fmt::format("{}-{}", offset, offset + buffer.size() - 1);
    request.sink = &sink;
    request.on_headers = [&](const http::Response& response) -> Result<> {
      if (response.status == 200) {
        return fail(Errc::unsupported, http::redacted(url_) + " is not served by ranges");
      }
      if (response.status == 206 && response.range_start() != offset) {
        return fail(Errc::protocol,
                    http::redacted(url_) + " answers with another range than asked");
      }
      if (const auto whole = response.whole_size(); whole && *whole != size_) {
        return fail(Errc::mismatch, fmt::format("{} has {} bytes; {} were expected",
                                                http::redacted(url_), *whole, size_));
      }
      return {};
    };
    const http::Response response = TRY(lease->send(request, stop_));
    if (!response.ok()) return fail(http::status_error(request, response));
    if (!sink.full()) return fail(Errc::unavailable, http::redacted(url_) + " ends early");
    return {};
  });
}

Result<> RemoteFile::read_at(std::uint64_t offset, base::MutableBytes buffer) const {
  if (buffer.empty()) return {};
  if (offset > size_ || buffer.size() > size_ - offset) {
    return fail(Errc::io, http::redacted(url_) + " ends early");
  }
  // What would push everything else out of the cache goes past it.
  if (buffer.size() > kBlock * kKept / 2) return read_range(offset, buffer);
  const std::uint64_t first = offset / kBlock, last = (offset + buffer.size() - 1) / kBlock;
  for (std::uint64_t number = first; number <= last;) {
    Block block = cached(number);
    if (!block) {
      // All missing neighbours with one request.
      std::uint64_t end = number + 1;
      while (end <= last && !cached(end)) ++end;
      const std::uint64_t begin_byte = number * kBlock;
      std::vector<std::byte> bytes(std::min(end * kBlock, size_) - begin_byte);
      TRY(read_range(begin_byte, bytes));
      for (std::uint64_t one = number; one < end; ++one) {
        const auto from = bytes.begin() + static_cast<long>((one - number) * kBlock);
        const auto to =
            std::min(from + static_cast<long>(std::min<std::uint64_t>(
                                kBlock, static_cast<std::uint64_t>(bytes.end() - from))),
                     bytes.end());
        auto made = std::make_shared<std::vector<std::byte>>(from, to);
        if (one == number) block = made;
        keep(one, std::move(made));
      }
    }
    const std::uint64_t block_start = number * kBlock;
    const std::uint64_t from = std::max(offset, block_start);
    const std::uint64_t to =
        std::min<std::uint64_t>(offset + buffer.size(), block_start + block->size());
    std::memcpy(buffer.data() + (from - offset), block->data() + (from - block_start), to - from);
    ++number;
  }
  return {};
}

}  // namespace imgforge::sources
