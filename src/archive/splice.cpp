#include "archive/splice.h"

#include <algorithm>

#include "base/sha256.h"

namespace imgforge::archive {

Result<> RecipeRecorder::literal(base::Bytes bytes) {
  if (bytes.empty()) return {};
  TRY(literals_.write(bytes));
  std::vector<Span>& spans = recipe_.spans;
  if (!spans.empty() && !spans.back().zip) {
    spans.back().length += bytes.size();
  } else {
    spans.push_back({std::nullopt, literal_size_, bytes.size()});
  }
  literal_size_ += bytes.size();
  return {};
}

Result<> RecipeRecorder::zip_range(const base::RandomAccess& zip, std::uint64_t offset,
                                   std::uint64_t length) {
  const auto found = std::find(zips_.begin(), zips_.end(), &zip);
  if (found == zips_.end()) {
    return fail(Errc::internal, "a recipe was told of a zip that is not in its list");
  }
  recipe_.spans.push_back({static_cast<std::uint32_t>(found - zips_.begin()), offset, length});
  return {};
}

void RecipeRecorder::finish(std::string diff_id, std::uint64_t tar_size) {
  recipe_.diff_id = std::move(diff_id);
  recipe_.tar_size = tar_size;
}

Result<std::string> write_from_recipe(const Recipe& recipe, const base::RandomAccess& literals,
                                      std::span<const base::RandomAccess* const> zips,
                                      base::Sink& out) {
  base::HashingSink hashed(&out);
  std::vector<std::byte> buffer(base::kChunk);
  for (const Span& span : recipe.spans) {
    if (span.zip && *span.zip >= zips.size()) {
      return fail(Errc::mismatch, "a layer's recipe names an archive that is not there");
    }
    const base::RandomAccess& from = span.zip ? *zips[*span.zip] : literals;
    if (span.offset > from.size() || span.length > from.size() - span.offset) {
      return fail(Errc::mismatch, "a layer's recipe reaches beyond the end of its data");
    }
    for (std::uint64_t done = 0; done < span.length;) {
      const base::MutableBytes chunk = base::MutableBytes(buffer).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), span.length - done)));
      TRY(from.read_at(span.offset + done, chunk));
      TRY(hashed.write(chunk));
      done += chunk.size();
    }
  }
  return hashed.finish_hex();
}

}  // namespace imgforge::archive
