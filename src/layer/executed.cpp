#include "layer/executed.h"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>

#include "archive/tar_reader.h"
#include "base/task_group.h"

namespace imgforge::layer {
namespace {

constexpr std::size_t kPipeBytes = 4 * base::kChunk;
constexpr std::size_t kWantedBytes = 64 << 20;

// A pipe between two threads: one writes, one reads. Closing the reading side makes writes fail,
// so that neither waits for a partner that has gone.
class Pipe final : public base::Sink, public base::Source {
 public:
  Result<> write(base::Bytes bytes) override {
    while (!bytes.empty()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return reader_gone_ || filled_ < buffer_.size(); });
      if (reader_gone_) {
        refused_ = true;
        return fail(Errc::cancelled, "the reader of the layer has gone");
      }
      const std::size_t at = (start_ + filled_) % buffer_.size();
      const std::size_t room = std::min(buffer_.size() - filled_, buffer_.size() - at);
      const std::size_t n = std::min(room, bytes.size());
      std::memcpy(buffer_.data() + at, bytes.data(), n);
      filled_ += n;
      bytes = bytes.subspan(n);
      changed_.notify_all();
    }
    return {};
  }

  Result<std::size_t> read(base::MutableBytes bytes) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return writer_gone_ || filled_ > 0; });
    const std::size_t n = std::min({bytes.size(), filled_, buffer_.size() - start_});
    if (n == 0) return 0;
    std::memcpy(bytes.data(), buffer_.data() + start_, n);
    start_ = (start_ + n) % buffer_.size();
    filled_ -= n;
    changed_.notify_all();
    return n;
  }

  void close_writer() {
    const std::lock_guard lock(mutex_);
    writer_gone_ = true;
    changed_.notify_all();
  }
  void close_reader() {
    const std::lock_guard lock(mutex_);
    reader_gone_ = true;
    changed_.notify_all();
  }
  /// A write failed because nobody reads. To be asked when both sides have ended.
  bool refused() const { return refused_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(kPipeBytes);
  std::size_t start_ = 0;
  std::size_t filled_ = 0;
  bool writer_gone_ = false;
  bool reader_gone_ = false;
  bool refused_ = false;
};

Result<> pass_entry(const archive::TarEntry& entry, base::Source& content, TarFilter& filter,
                    archive::LayerWriter& out) {
  if (filter.keep && !TRY(filter.keep(entry))) return {};
  if (entry.type != archive::EntryType::file) return out.add(entry);
  if (entry.path != filter.wanted) return out.add(entry, content);
  filter.wanted_content = TRY(base::read_all(content, kWantedBytes));
  return out.add(entry, filter.wanted_content);
}

Result<> pass_entries(base::Source& tar, TarFilter& filter, archive::LayerWriter& out) {
  auto reader = archive::TarReader::open(tar);
  if (!reader) return fail(std::move(reader.error()));
  for (;;) {
    const auto entry = TRY(reader->next());
    if (!entry) break;
    TRY(pass_entry(*entry, reader->content(), filter, out));
  }
  // What follows the end of the archive (its last zero blocks) belongs to the writer's success.
  std::vector<std::byte> rest(base::kChunk);
  while (TRY(tar.read(rest)) > 0) {
  }
  return {};
}

}  // namespace

Result<std::vector<std::string>> parent_trees(const BuildContext& context) {
  sandbox::Sandbox* sandbox = TRY(sandbox_of(context));
  context.task.set_phase("unpacking the layers below");
  std::vector<std::string> trees;
  for (const auto& parent : context.parents) {
    trees.push_back(context.store.tree_path(parent.diff_id));
  }
  TRY(base::parallel_for(
      trees.size(), context.workers + 1, context.stop, [&](std::size_t i, std::stop_token stop) {
        return sandbox->unpack(context.store.blob_path(context.parents[i].blob.digest), trees[i],
                               stop);
      }));
  return trees;
}

Result<sandbox::Sandbox*> sandbox_of(const BuildContext& context) {
  if (context.sandbox != nullptr) return context.sandbox;
  return fail(Errc::internal, "an executed layer was given no sandbox");
}

Result<> write_tar_entries(const std::function<Result<>(base::Sink&)>& produce, TarFilter& filter,
                           archive::LayerWriter& out) {
  Pipe pipe;
  Result<> produced;
  std::jthread producer([&] {
    produced = produce(pipe);
    pipe.close_writer();
  });
  Result<> passed = pass_entries(pipe, filter, out);
  pipe.close_reader();
  producer.join();
  // A producer that fails leaves a cut tar, of which the reader complains, too; one whose reader
  // has failed was merely stopped.
  return !produced && !pipe.refused() ? produced : passed;
}

}  // namespace imgforge::layer
