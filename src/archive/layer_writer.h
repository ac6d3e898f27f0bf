// Writes one layer: entries in, a compressed blob out, and digest, size and diffID from the same
// pass.
//
// Gzip layers are a sequence of gzip members (RFC 1952, 2.2). Literal bytes (headers, padding,
// small or changed files) are deflated in fixed blocks of 1 MiB of input, a member each; the
// content of a large zip member is spliced: its own deflate stream becomes a member without being
// compressed again, while a second look inflates it for the diffID and checks its CRC. The bytes
// depend only on the calls and the encoder, never on `workers`.
#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "archive/encoder.h"
#include "archive/splice.h"
#include "archive/tar.h"
#include "archive/zip.h"
#include "base/bytes.h"

namespace imgforge::archive {

struct LayerDigests {
  std::string digest;  // sha256 of the blob, 64 hex digits
  std::uint64_t size = 0;
  std::string diff_id;  // sha256 of the tar stream, 64 hex digits
  std::uint64_t tar_size = 0;
};

struct LayerWriterOptions {
  Encoder encoder;
  /// Threads that compress blocks, beside the caller's and one that writes. 0: everything on the
  /// calling thread. With workers, the sink (and the recipe's sink) are used from another thread,
  /// one call at a time, until finish() returns or the writer is destroyed.
  std::size_t workers = 0;
  /// Zip members with at least this many bytes (uncompressed) are spliced, smaller ones are
  /// deflated anew together with their neighbours: many small gzip members cost every reader time.
  /// Part of the encoder's revision.
  std::uint64_t splice_from = 64 * 1024;
  /// Asked between steps of at most a block; a stop fails the call with Errc::cancelled.
  std::stop_token stop = {};
  /// For a layer whose digests are known from an earlier, checked build: spliced members are copied
  /// without a look inside, so that nothing large is inflated. finish() then gives no diffID, and
  /// the caller must compare the blob's digest with the known one.
  bool copy_unseen = false;
  /// Borrowed until finish(); when given, learns how the blob can be written again by copying
  /// (splice.h).
  RecipeRecorder* recipe = nullptr;
};

class LayerWriter {
 public:
  /// Borrows `out` until finish(), and every zip that is added until settle() or finish().
  /// Single-threaded use. A call that failed ends the layer: what was written is of no use.
  LayerWriter(base::Sink& out, LayerWriterOptions options);
  ~LayerWriter();

  /// Entries come sorted by path, byte-wise, parents first; anything else is Errc::internal (so are
  /// duplicates).
  Result<> add(const TarEntry& entry);                         // no content
  Result<> add(const TarEntry& entry, base::Source& content);  // exactly entry.size bytes
  Result<> add(const TarEntry& entry, std::string_view content);
  /// The content is a member of a zip (entry.size == member.size). Its CRC is checked.
  /// `sha256_hex`, when given, receives the SHA-256 of the content; empty for a member that was
  /// copied unseen.
  Result<> add(const TarEntry& entry, const ZipArchive& zip, const ZipEntry& member,
               std::string* sha256_hex = nullptr);

  bool copies_unseen() const;

  /// Waits until no zip that was added is used any more; after a failure too (see Settled).
  void settle();

  /// Writes the end of the archive. Nothing may be added afterwards.
  Result<LayerDigests> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Declared after zips that are given to a writer which outlives them: settles the writer before
/// they go, on every way out.
class Settled {
 public:
  explicit Settled(LayerWriter& writer) : writer_(writer) {}
  ~Settled() { writer_.settle(); }
  Settled(const Settled&) = delete;
  Settled& operator=(const Settled&) = delete;

 private:
  LayerWriter& writer_;
};

}  // namespace imgforge::archive
