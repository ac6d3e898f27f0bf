#include "archive/layer_output.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/sha256.h"

namespace imgforge::archive {
namespace {

// Spliced members that may wait for the writer; each is a few words.
constexpr std::size_t kMaxWaiting = 256;

struct Splice {
  const base::RandomAccess* zip = nullptr;
  MemberRange range;
};

struct Piece {
  Buffer plain;   // a block's input
  Buffer packed;  // what is to be written, when `ready`
  bool ready = false;
  std::optional<Splice> splice;  // instead of a block
};

// The end of the line: counts, hashes and writes; used by one thread at a time.
class BlobWriter final : public base::Sink {
 public:
  BlobWriter(base::Sink& out, bool hash, RecipeRecorder* recipe)
      : out_(out), recipe_(recipe), hashing_(hash) {}

  Result<> write(base::Bytes bytes) override {
    if (hashing_) hash_.update(bytes);
    size_ += bytes.size();
    return out_.write(bytes);
  }
  Result<> literal(base::Bytes bytes) {
    if (recipe_ != nullptr) TRY(recipe_->literal(bytes));
    return write(bytes);
  }
  Result<> splice_header(const Splice& splice) {
    TRY(literal(std::as_bytes(std::span(kGzipHeader))));
    if (recipe_ == nullptr) return {};
    return recipe_->zip_range(*splice.zip, splice.range.offset, splice.range.compressed_size);
  }
  Result<> splice_trailer(const MemberRange& range) {
    return literal(gzip_trailer(range.crc32, range.size));
  }
  LayerOutput::Totals totals() { return {hashing_ ? hash_.finish_hex() : std::string(), size_}; }

 private:
  base::Sink& out_;
  RecipeRecorder* recipe_;
  bool hashing_;
  base::Sha256 hash_;
  std::uint64_t size_ = 0;
};

}  // namespace

struct LayerOutput::State {
  State(base::Sink& out, const Encoder& chosen, std::size_t worker_count, RecipeRecorder* recipe)
      : encoder(chosen),
        workers(chosen.compression == Compression::none ? 0 : worker_count),
        blob(out, chosen.compression != Compression::none, recipe) {}
  ~State() { stop(true); }

  const Encoder encoder;
  const std::size_t workers;
  BlobWriter blob;

  // Without workers.
  std::unique_ptr<BlockEncoder> own_encoder;
  Buffer own_packed;

  // With workers. `order` holds every piece that is not yet written, `todo` the blocks among them
  // that nobody compresses yet; pieces are reused through `spare`.
  std::mutex mutex;
  std::condition_variable work, ready, space, idle;
  std::deque<std::unique_ptr<Piece>> order;
  std::deque<Piece*> todo;
  std::vector<std::unique_ptr<Piece>> spare;
  std::size_t blocks_in_flight = 0;
  bool writing = false;  // the writer is at a piece that it took out of `order`
  bool closed = false;   // nothing more comes
  bool aborted = false;  // stop as soon as possible
  std::optional<Error> error;
  std::vector<std::jthread> threads;

  Result<> start() {
    if (!threads.empty()) return {};
    try {
      for (std::size_t i = 0; i < workers; ++i) threads.emplace_back([this] { compress_loop(); });
      threads.emplace_back([this] { write_loop(); });
    } catch (const std::system_error& e) {
      set_error(base::io_error("cannot start a thread for compressing", e.code().value()));
      return fail(Error(*error));
    }
    return {};
  }

  void stop(bool abort) {
    {
      const std::lock_guard lock(mutex);
      closed = true;
      aborted = aborted || abort;
    }
    work.notify_all();
    ready.notify_all();
    threads.clear();  // joins
  }

  void set_error(Error&& first) {
    {
      const std::lock_guard lock(mutex);
      if (!error) error = std::move(first);
      aborted = true;
    }
    work.notify_all();
    ready.notify_all();
    space.notify_all();
    idle.notify_all();
  }

  void compress_loop() {
    auto made = BlockEncoder::create(encoder);
    if (!made) return set_error(std::move(made.error()));
    for (;;) {
      Piece* piece;
      {
        std::unique_lock lock(mutex);
        work.wait(lock, [&] { return aborted || closed || !todo.empty(); });
        if (aborted || todo.empty()) return;
        piece = todo.front();
        todo.pop_front();
      }
      if (auto done = (*made)->encode(piece->plain.bytes(), piece->packed); !done) {
        return set_error(std::move(done.error()));
      }
      {
        const std::lock_guard lock(mutex);
        piece->ready = true;
      }
      ready.notify_one();
    }
  }

  void write_loop() {
    for (;;) {
      std::unique_ptr<Piece> piece;
      {
        std::unique_lock lock(mutex);
        ready.wait(lock,
                   [&] { return aborted || (order.empty() ? closed : order.front()->ready); });
        if (aborted || order.empty()) return;
        piece = std::move(order.front());
        order.pop_front();
        writing = true;
      }
      const auto written =
          piece->splice ? copy_member(*piece->splice) : blob.literal(piece->packed.bytes());
      if (!written) set_error(Error(written.error()));
      {
        const std::lock_guard lock(mutex);
        writing = false;
        if (piece->splice) {
          piece->splice.reset();
        } else {
          --blocks_in_flight;
          spare.push_back(std::move(piece));
        }
      }
      space.notify_one();
      idle.notify_all();
      if (!written) return;
    }
  }

  bool gave_up() {
    const std::lock_guard lock(mutex);
    return aborted;
  }

  Result<> copy_member(const Splice& splice) {
    TRY(blob.splice_header(splice));
    own_packed.reserve(base::kChunk);
    for (std::uint64_t done = 0; done < splice.range.compressed_size;) {
      if (gave_up()) return fail(Errc::cancelled, "interrupted");
      own_packed.resize(0);
      const base::MutableBytes chunk = own_packed.rest().first(static_cast<std::size_t>(
          std::min<std::uint64_t>(base::kChunk, splice.range.compressed_size - done)));
      TRY(splice.zip->read_at(splice.range.offset + done, chunk));
      TRY(blob.write(chunk));
      done += chunk.size();
    }
    return blob.splice_trailer(splice.range);
  }

  // Waits for room, then puts a piece at the end of the line.
  template <class Fill>
  Result<> enqueue(bool is_block, Fill fill) {
    TRY(start());
    {
      std::unique_lock lock(mutex);
      space.wait(lock, [&] {
        return aborted ||
               (order.size() < kMaxWaiting && (!is_block || blocks_in_flight < workers + 2));
      });
      if (aborted) return fail(error ? Error(*error) : Error(Errc::cancelled, "interrupted"));
      std::unique_ptr<Piece> piece;
      if (is_block && !spare.empty()) {
        piece = std::move(spare.back());
        spare.pop_back();
      } else {
        piece = std::make_unique<Piece>();
      }
      fill(*piece);
      if (is_block) {
        ++blocks_in_flight;
        todo.push_back(piece.get());
      }
      order.push_back(std::move(piece));
    }
    if (is_block) {
      work.notify_one();
    } else {
      ready.notify_one();
    }
    return {};
  }
};

LayerOutput::LayerOutput(base::Sink& out, const Encoder& encoder, std::size_t workers,
                         RecipeRecorder* recipe)
    : state_(std::make_unique<State>(out, encoder, workers, recipe)) {}
LayerOutput::~LayerOutput() = default;

Result<> LayerOutput::block(Buffer& block) {
  State& s = *state_;
  if (block.size() == 0) return {};
  if (s.workers == 0) {
    if (s.encoder.compression == Compression::none) {
      TRY(s.blob.literal(block.bytes()));
    } else {
      if (!s.own_encoder) s.own_encoder = TRY(BlockEncoder::create(s.encoder));
      TRY(s.own_encoder->encode(block.bytes(), s.own_packed));
      TRY(s.blob.literal(s.own_packed.bytes()));
    }
    block.resize(0);
    return {};
  }
  const std::size_t capacity = block.capacity();
  TRY(s.enqueue(true, [&](Piece& piece) {
    std::swap(piece.plain, block);
    piece.ready = false;
  }));
  block.reserve(capacity);
  block.resize(0);
  return {};
}

Result<base::Sink*> LayerOutput::begin_splice(const base::RandomAccess& zip,
                                              const MemberRange& range) {
  State& s = *state_;
  if (s.workers == 0) {
    TRY(s.blob.splice_header({&zip, range}));
    return &s.blob;
  }
  TRY(s.enqueue(false, [&](Piece& piece) {
    piece.splice = Splice{&zip, range};
    piece.ready = true;
  }));
  return nullptr;
}

Result<> LayerOutput::end_splice(const MemberRange& range) {
  if (state_->workers != 0) return {};  // the writer does it
  return state_->blob.splice_trailer(range);
}

void LayerOutput::settle() {
  State& s = *state_;
  std::unique_lock lock(s.mutex);
  s.idle.wait(lock, [&] {
    if (s.writing) return false;
    return s.aborted || std::none_of(s.order.begin(), s.order.end(),
                                     [](const auto& piece) { return piece->splice.has_value(); });
  });
}

Result<LayerOutput::Totals> LayerOutput::finish() {
  State& s = *state_;
  s.stop(false);
  if (s.error) return fail(Error(*s.error));
  return s.blob.totals();
}

}  // namespace imgforge::archive
