#include "store/decompress.h"

#include <zlib.h>
#include <zstd.h>

#include <array>
#include <vector>

#include "base/file.h"

namespace imgforge::store {
namespace {

Error damaged(const std::string& path, const char* what) {
  return Error(Errc::mismatch, path + " is damaged: " + what)
      .hint("imgforge cache verify --quarantine, then build again");
}

// Compressed bytes with a cursor.
class Feed {
 public:
  explicit Feed(base::File file) : file_(std::move(file)), buffer_(base::kChunk) {}
  const std::string& path() const { return file_.path(); }

  /// What is not consumed yet; reads more when nothing is left. Empty at the end of the file.
  Result<base::Bytes> peek() {
    if (rest_.empty()) rest_ = base::Bytes(buffer_).first(TRY(file_.read(buffer_)));
    return rest_;
  }
  void consume(std::size_t n) { rest_ = rest_.subspan(n); }

 private:
  base::File file_;
  std::vector<std::byte> buffer_;
  base::Bytes rest_;
};

class GzipSource final : public base::Source {
 public:
  explicit GzipSource(Feed feed) : feed_(std::move(feed)) {
    stream_ = {};
    started_ = ::inflateInit2(&stream_, 15 + 16) == Z_OK;
  }
  ~GzipSource() override {
    if (started_) ::inflateEnd(&stream_);
  }
  Result<std::size_t> read(base::MutableBytes buffer) override {
    if (!started_) return fail(Errc::internal, "zlib cannot start");
    for (;;) {
      const base::Bytes in = TRY(feed_.peek());
      if (in.empty()) {
        if (inside_) return fail(damaged(feed_.path(), "it ends early"));
        return 0;
      }
      inside_ = true;
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
      stream_.avail_in = static_cast<uInt>(in.size());
      stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(buffer.size(), 1 << 30));
      const uInt room = stream_.avail_out;
      const int status = ::inflate(&stream_, Z_NO_FLUSH);
      feed_.consume(in.size() - stream_.avail_in);
      const std::size_t made = room - stream_.avail_out;
      if (status == Z_STREAM_END) {
        inside_ = false;
        ::inflateReset(&stream_);
      } else if (status != Z_OK && status != Z_BUF_ERROR) {
        return fail(damaged(feed_.path(), "its gzip stream is broken"));
      }
      if (made != 0) return made;
    }
  }

 private:
  Feed feed_;
  z_stream stream_;
  bool started_ = false;
  bool inside_ = false;
};

class ZstdSource final : public base::Source {
 public:
  explicit ZstdSource(Feed feed) : feed_(std::move(feed)), stream_(::ZSTD_createDStream()) {}
  ~ZstdSource() override { ::ZSTD_freeDStream(stream_); }
  Result<std::size_t> read(base::MutableBytes buffer) override {
    for (;;) {
      const base::Bytes in = TRY(feed_.peek());
      if (in.empty() && pending_ == 0) return 0;
      // Also at the end of the file: what did not fit into the last buffer is still inside.
      ZSTD_inBuffer input{in.data(), in.size(), 0};
      ZSTD_outBuffer output{buffer.data(), buffer.size(), 0};
      pending_ = ::ZSTD_decompressStream(stream_, &output, &input);
      if (::ZSTD_isError(pending_) != 0) {
        return fail(damaged(feed_.path(), "its zstd stream is broken"));
      }
      feed_.consume(input.pos);
      if (output.pos != 0) return output.pos;
      if (in.empty() && pending_ != 0) return fail(damaged(feed_.path(), "it ends early"));
    }
  }

 private:
  Feed feed_;
  ZSTD_DStream* stream_;
  std::size_t pending_ = 0;  // 0: between frames
};

class PlainSource final : public base::Source {
 public:
  explicit PlainSource(Feed feed) : feed_(std::move(feed)) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    const base::Bytes in = TRY(feed_.peek());
    const std::size_t n = std::min(in.size(), buffer.size());
    std::copy_n(in.begin(), n, buffer.begin());
    feed_.consume(n);
    return n;
  }

 private:
  Feed feed_;
};

}  // namespace

Result<std::unique_ptr<base::Source>> open_layer_tar(const std::string& blob_path) {
  Feed feed(TRY(base::File::open_read(blob_path)));
  const std::string_view start = base::as_text(TRY(feed.peek()));
  if (start.starts_with("\x1f\x8b")) return std::make_unique<GzipSource>(std::move(feed));
  if (start.starts_with("\x28\xb5\x2f\xfd")) return std::make_unique<ZstdSource>(std::move(feed));
  return std::make_unique<PlainSource>(std::move(feed));
}

}  // namespace imgforge::store
