// The way of a layer's pieces to the blob: blocks are compressed, spliced members are copied, and
// all leave in the order they came, hashed and noted in the recipe on the way. With workers, blocks
// are compressed on their threads and one more thread writes, so that copying and hashing the blob
// run beside the caller's inflating; memory stays bounded by workers + 2 blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "archive/block_encoder.h"
#include "archive/member_reader.h"
#include "archive/splice.h"

namespace imgforge::archive {

class LayerOutput {
 public:
  /// Borrows `out` and `recipe` (may be null) until destroyed. With workers, `out` and the recipe
  /// are used from another thread until finish() has returned.
  LayerOutput(base::Sink& out, const Encoder& encoder, std::size_t workers, RecipeRecorder* recipe);
  /// Without finish(): gives up at once, waiting only for the step in progress.
  ~LayerOutput();

  /// Takes the bytes out of `block` and leaves it empty, with its capacity or more.
  Result<> block(Buffer& block);

  /// A member to be copied as it is. The caller now reads the member, handing on to the returned
  /// sink (when there is one) every raw byte, then calls end_splice().
  Result<base::Sink*> begin_splice(const base::RandomAccess& zip, const MemberRange& range);
  Result<> end_splice(const MemberRange& range);

  /// Waits until no zip that was given is used any more; after a failure too.
  void settle();

  struct Totals {
    std::string digest;  // empty for Compression::none: the blob is the tar stream
    std::uint64_t size = 0;
  };
  /// Waits until everything is written.
  Result<Totals> finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::archive
