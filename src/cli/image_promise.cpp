#include "cli/image_promise.h"

#include "archive/tar_reader.h"
#include "base/file.h"
#include "build/assemble.h"

namespace imgforge::cli {
namespace {

/// A promise names components and libraries: some kilobytes.
constexpr std::uint64_t kLargestLayer = 4 << 20;
constexpr std::uint64_t kLargestPromise = 1 << 20;

}  // namespace

Result<std::optional<std::string>> promise_of(App& app, const ImageView& image) {
  for (const oci::Descriptor& layer : image.manifest.layers) {
    const auto kind = layer.annotations.find(build::kLayerKind);
    if (kind == layer.annotations.end() || kind->second != "promise") continue;
    if (layer.size > kLargestLayer) continue;
    TRY(bring_layers(app, image, {layer}));
    base::File blob = TRY(base::File::open_read(image.blob_path(layer.digest)));
    archive::TarReader reader = TRY(archive::TarReader::open(
        blob, {.entries = 1000, .total_bytes = 2 * kLargestPromise, .ratio = 2000}));
    while (const auto entry = TRY(reader.next())) {
      if (entry->path != "opt/imgforge/promise.json" || entry->size > kLargestPromise) continue;
      std::string text(static_cast<std::size_t>(entry->size), '\0');
      std::size_t have = 0;
      while (have < text.size()) {
        const std::size_t n = TRY(reader.content().read(
            {reinterpret_cast<std::byte*>(text.data()) + have, text.size() - have}));
        if (n == 0) return fail(Errc::invalid, "the image's promise ends too early");
        have += n;
      }
      return std::optional(std::move(text));
    }
  }
  return std::nullopt;
}

}  // namespace imgforge::cli
