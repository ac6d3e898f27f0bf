#include "layer/recipe.h"

namespace imgforge::layer {

Result<store::BuiltLayer> WrittenRecipe::produce(const BuildContext& context) const {
  // The writer hashes what it writes, so the store need not do it again.
  auto blob = TRY(context.store.new_blob(std::nullopt, /*hash=*/false));
  archive::LayerWriter out(blob, {.encoder = context.encoder, .workers = context.workers});
  TRY(write(context, out));
  const auto digests = TRY(out.finish());
  const auto digest = TRY(oci::Digest::from_sha256_hex(digests.digest));
  TRY(blob.commit_hashed(digest));
  return store::BuiltLayer{
      .blob = {.media_type = archive::layer_media_type(context.encoder.compression),
               .digest = digest,
               .size = digests.size},
      .diff_id = TRY(oci::Digest::from_sha256_hex(digests.diff_id)),
      .tar_size = digests.tar_size};
}

}  // namespace imgforge::layer
