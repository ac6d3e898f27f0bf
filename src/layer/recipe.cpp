#include "layer/recipe.h"

namespace imgforge::layer {

Result<store::BuiltLayer> WrittenRecipe::produce(const BuildContext& context) const {
  if (context.recorded && splices()) {
    // A copy of what the record describes; anything else than its digest, and it is made in full.
    auto copied = TRY(write_blob(context, /*copy_unseen=*/true));
    if (copied.digest == context.recorded->blob.digest) {
      TRY(copied.blob.commit_hashed(copied.digest));
      return *context.recorded;
    }
  }
  auto written = TRY(write_blob(context, /*copy_unseen=*/false));
  TRY(written.blob.commit_hashed(written.digest));
  auto diff_id = TRY(oci::Digest::from_sha256_hex(written.digests.diff_id));
  return store::BuiltLayer{
      .blob = {.media_type = archive::layer_media_type(context.encoder.compression),
               .digest = written.digest,
               .size = written.digests.size},
      .diff_id = std::move(diff_id),
      .tar_size = written.digests.tar_size};
}

Result<WrittenRecipe::WrittenBlob> WrittenRecipe::write_blob(const BuildContext& context,
                                                             bool copy_unseen) const {
  // The writer hashes what it writes, so the store need not do it again.
  auto blob = TRY(context.store.new_blob(std::nullopt, /*hash=*/false));
  archive::LayerWriter out(blob, {.encoder = context.encoder,
                                  .workers = context.workers,
                                  .stop = context.stop,
                                  .copy_unseen = copy_unseen});
  TRY(write(context, out));
  auto digests = TRY(out.finish());
  auto digest = TRY(oci::Digest::from_sha256_hex(digests.digest));
  return WrittenBlob{std::move(blob), std::move(digest), std::move(digests)};
}

}  // namespace imgforge::layer
