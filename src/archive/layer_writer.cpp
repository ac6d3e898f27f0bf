#include "archive/layer_writer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "archive/layer_output.h"
#include "archive/sha256_pair.h"

namespace imgforge::archive {

struct LayerWriter::State {
  State(base::Sink& out, LayerWriterOptions chosen)
      : options(std::move(chosen)), output(out, options.encoder, options.workers, options.recipe) {
    block.reserve(block_size(options.encoder));
  }

  const LayerWriterOptions options;
  LayerOutput output;
  Buffer block;            // literal bytes that are not yet written
  std::size_t hashed = 0;  // how many of them are in the diffID
  Sha256Pair hash;
  std::uint64_t tar_size = 0;
  MemberReader member;
  Buffer inflated;
  bool spent = false;  // finished, or an earlier call failed

  // The entries whose path is a prefix (as text) of the last one, outermost first: in byte order
  // everything below a folder comes before the prefix ends.
  struct Open {
    std::string path;
    bool directory;
  };
  std::vector<Open> open;

  void hash_block() {
    hash.update(block.bytes().subspan(hashed));
    hashed = block.size();
  }

  Result<> flush() {
    hash_block();
    TRY(output.block(block));
    hashed = 0;
    return {};
  }

  // Free space of the block, after a flush when there is none.
  Result<base::MutableBytes> room() {
    if (block.size() == block.capacity()) TRY(flush());
    return block.rest();
  }

  void grow(std::size_t bytes) {
    block.resize(block.size() + bytes);
    tar_size += bytes;
  }

  Result<> literal(base::Bytes bytes) {
    while (!bytes.empty()) {
      const base::MutableBytes to = TRY(room());
      const std::size_t n = std::min(to.size(), bytes.size());
      std::copy_n(bytes.begin(), n, to.begin());
      grow(n);
      bytes = bytes.subspan(n);
    }
    return {};
  }

  Result<> zeros(std::uint64_t count) {
    static constexpr std::array<std::byte, kTarEnd> kZeros{};
    return literal(base::Bytes(kZeros).first(static_cast<std::size_t>(count)));
  }

  Result<> check_stop() const {
    if (options.stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    return {};
  }

  Result<> check_place(const TarEntry& entry) {
    if (!open.empty() && entry.path <= open.back().path) {
      return fail(Errc::internal, "layer entries out of order: \"" + entry.path + "\" after \"" +
                                      open.back().path + "\"");
    }
    while (!open.empty() && !entry.path.starts_with(open.back().path)) open.pop_back();
    for (const Open& above : open) {
      if (!above.directory && entry.path[above.path.size()] == '/') {
        return fail(Errc::invalid, "\"" + entry.path + "\" lies below \"" + above.path +
                                       "\", which is not a folder");
      }
    }
    return {};
  }

  Result<> header(const TarEntry& entry) {
    TRY(check_stop());
    const std::string bytes = TRY(tar_header(entry));
    TRY(check_place(entry));
    open.push_back({entry.path, entry.type == EntryType::directory});
    return literal(base::as_bytes(bytes));
  }

  Result<> content(const TarEntry& entry, base::Source& source) {
    std::uint64_t rest = entry.size;
    while (rest > 0) {
      TRY(check_stop());
      base::MutableBytes to = TRY(room());
      to = to.first(static_cast<std::size_t>(std::min<std::uint64_t>(to.size(), rest)));
      const std::size_t n = TRY(source.read(to));
      if (n == 0) return fail(wrong_size(entry, "shorter"));
      grow(n);
      rest -= n;
    }
    std::array<std::byte, 1> beyond;
    if (TRY(source.read(beyond)) != 0) return fail(wrong_size(entry, "longer"));
    return zeros(tar_padding(entry.size));
  }

  static Error wrong_size(const TarEntry& entry, const std::string& how) {
    return Error(Errc::mismatch, "the content of \"" + entry.path + "\" is " + how + " than the " +
                                     std::to_string(entry.size) + " bytes that were announced")
        .hint("was it changed while it was read?");
  }

  // Inflates straight into the block.
  Result<> recompress(const MemberRange& range, const base::RandomAccess& zip, bool inner) {
    TRY(member.start(zip, range));
    for (std::uint64_t rest = range.size; rest > 0;) {
      TRY(check_stop());
      base::MutableBytes to = TRY(room());
      to = to.first(std::min(to.size(), base::kChunk));
      const std::size_t n = TRY(member.read(to));
      grow(n);
      rest -= n;
      if (inner) hash_block();
    }
    return {};
  }

  // Copies the deflate stream and nothing else. With workers the output's own thread does it.
  Result<> splice_unseen(const MemberRange& range, const base::RandomAccess& zip) {
    TRY(flush());
    if (base::Sink* raw = TRY(output.begin_splice(zip, range)); raw != nullptr) {
      base::RangeSource source(zip, range.offset, range.compressed_size);
      inflated.reserve(base::kChunk);
      for (;;) {
        TRY(check_stop());
        inflated.resize(0);
        const base::MutableBytes chunk = inflated.rest();
        const std::size_t n = TRY(source.read(chunk));
        if (n == 0) break;
        TRY(raw->write(chunk.first(n)));
      }
    }
    tar_size += range.size;
    return output.end_splice(range);
  }

  // Copies the deflate stream, and inflates it for the digests alone.
  Result<> splice(const MemberRange& range, const base::RandomAccess& zip) {
    TRY(flush());
    base::Sink* raw = TRY(output.begin_splice(zip, range));
    TRY(member.start(zip, range, raw));
    inflated.reserve(base::kChunk);
    for (std::uint64_t rest = range.size; rest > 0;) {
      TRY(check_stop());
      inflated.resize(0);
      const base::MutableBytes chunk = inflated.rest();
      const std::size_t n = TRY(member.read(chunk));
      hash.update(chunk.first(n));
      rest -= n;
    }
    tar_size += range.size;
    return output.end_splice(range);
  }

  Result<> add_member(const TarEntry& entry, const ZipArchive& zip, const ZipEntry& from,
                      std::string* sha256_hex) {
    if (entry.type != EntryType::file || entry.size != from.size || from.is_directory) {
      return fail(Errc::internal,
                  "\"" + entry.path + "\" does not describe the zip member \"" + from.name + "\"");
    }
    const MemberRange range = TRY(member_range(zip, from));
    TRY(header(entry));
    hash_block();
    const bool inner = sha256_hex != nullptr;
    if (inner) hash.begin_inner();
    if (options.encoder.compression == Compression::gzip && range.deflated &&
        range.size >= std::max<std::uint64_t>(options.splice_from, 1)) {
      if (options.copy_unseen) {
        TRY(splice_unseen(range, zip.data()));
        if (inner) {
          (void)hash.end_inner_hex();
          sha256_hex->clear();
        }
        return zeros(tar_padding(entry.size));
      }
      TRY(splice(range, zip.data()));
    } else {
      TRY(recompress(range, zip.data(), inner));
    }
    if (inner) *sha256_hex = hash.end_inner_hex();
    return zeros(tar_padding(entry.size));
  }

  template <class Step>
  auto guarded(Step step) -> decltype(step()) {
    if (spent) return fail(Errc::internal, "a layer was written to after its end or an error");
    spent = true;
    auto done = step();
    spent = !done;
    return done;
  }
};

LayerWriter::LayerWriter(base::Sink& out, LayerWriterOptions options)
    : state_(std::make_unique<State>(out, std::move(options))) {}
LayerWriter::~LayerWriter() = default;

Result<> LayerWriter::add(const TarEntry& entry) { return add(entry, std::string_view()); }

Result<> LayerWriter::add(const TarEntry& entry, base::Source& content) {
  return state_->guarded([&]() -> Result<> {
    TRY(state_->header(entry));
    return state_->content(entry, content);
  });
}

Result<> LayerWriter::add(const TarEntry& entry, std::string_view content) {
  return state_->guarded([&]() -> Result<> {
    if (content.size() != entry.size) {
      return fail(Errc::internal, "the content of \"" + entry.path +
                                      "\" has another size than its "
                                      "entry says");
    }
    TRY(state_->header(entry));
    TRY(state_->literal(base::as_bytes(content)));
    return state_->zeros(tar_padding(entry.size));
  });
}

Result<> LayerWriter::add(const TarEntry& entry, const ZipArchive& zip, const ZipEntry& member,
                          std::string* sha256_hex) {
  return state_->guarded([&] { return state_->add_member(entry, zip, member, sha256_hex); });
}

bool LayerWriter::copies_unseen() const { return state_->options.copy_unseen; }

void LayerWriter::settle() { state_->output.settle(); }

Result<LayerDigests> LayerWriter::finish() {
  State& s = *state_;
  auto finished = s.guarded([&]() -> Result<LayerDigests> {
    TRY(s.zeros(kTarEnd));
    TRY(s.flush());
    auto totals = TRY(s.output.finish());
    LayerDigests digests;
    const std::string tar_digest = s.hash.finish_hex();  // of nothing real after copying unseen
    if (!s.options.copy_unseen) digests.diff_id = tar_digest;
    digests.tar_size = s.tar_size;
    // Without compression nothing is spliced and the blob is the tar.
    digests.digest = totals.digest.empty() ? tar_digest : std::move(totals.digest);
    digests.size = totals.size;
    if (s.options.recipe != nullptr) s.options.recipe->finish(digests.diff_id, digests.tar_size);
    return digests;
  });
  s.spent = true;
  return finished;
}

}  // namespace imgforge::archive
