#include "registry/blob_stream.h"

#include <algorithm>
#include <deque>

namespace imgforge::registry {

// From the transfer's thread to the reader: a ring of bytes, an end, an error.
class BlobStream::Queue final : public base::Sink {
 public:
  Queue() : ring_(kAhead) {}

  Result<> write(base::Bytes bytes) override {
    std::unique_lock lock(mutex_);
    while (!bytes.empty()) {
      changed_.wait(lock, [&] { return closed_ || filled_ < ring_.size(); });
      if (closed_) return fail(Errc::cancelled, "nobody reads this any more");
      const std::size_t at = (first_ + filled_) % ring_.size();
      const std::size_t n = std::min({bytes.size(), ring_.size() - filled_, ring_.size() - at});
      std::copy_n(bytes.data(), n, ring_.data() + at);
      filled_ += n;
      bytes = bytes.subspan(n);
      changed_.notify_all();
    }
    return {};
  }
  Result<> read(base::MutableBytes buffer) {
    std::unique_lock lock(mutex_);
    while (!buffer.empty()) {
      changed_.wait(lock, [&] { return ended_ || filled_ > 0; });
      if (filled_ == 0) return error_ ? fail(*error_) : fail(Errc::io, "the blob ends early");
      const std::size_t n = std::min({buffer.size(), filled_, ring_.size() - first_});
      std::copy_n(ring_.data() + first_, n, buffer.data());
      first_ = (first_ + n) % ring_.size();
      filled_ -= n;
      buffer = buffer.subspan(n);
      changed_.notify_all();
    }
    return {};
  }
  void finish(Result<> result) {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    if (!result) error_ = std::move(result.error());
    changed_.notify_all();
  }
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> ring_;
  std::size_t first_ = 0, filled_ = 0;
  bool ended_ = false, closed_ = false;
  std::optional<Error> error_;
};

BlobStream::BlobStream(Client& client, std::string repository, oci::Descriptor blob,
                       std::stop_token stop)
    : client_(client),
      repository_(std::move(repository)),
      blob_(std::move(blob)),
      stop_(std::move(stop)) {}

BlobStream::~BlobStream() { end(); }

void BlobStream::end() const {
  if (!queue_) return;
  thread_.request_stop();
  queue_->close();
  thread_.join();
  queue_.reset();
}

void BlobStream::restart(std::uint64_t offset) const {
  end();
  position_ = offset;
  queue_ = std::make_unique<Queue>();
  thread_ = std::jthread([this, offset, queue = queue_.get()](const std::stop_token& mine) {
    std::stop_source both;
    const std::stop_callback on_mine(mine, [&] { both.request_stop(); });
    const std::stop_callback on_outer(stop_, [&] { both.request_stop(); });
    const auto task = base::silent_progress().start("", "", std::nullopt);
    queue->finish(
        client_.get_blob_from(repository_, blob_, offset, *queue, *task, both.get_token()));
  });
}

Result<> BlobStream::read_at(std::uint64_t offset, base::MutableBytes buffer) const {
  const std::lock_guard lock(reading_);
  if (!queue_ || offset != position_) restart(offset);
  TRY(queue_->read(buffer));
  position_ += buffer.size();
  return {};
}

}  // namespace imgforge::registry
