// The recipe of a layer blob: which of its bytes are literal and which lie in a zip. With a recipe
// a blob is written again by copying and hashing alone, without inflating or compressing anything.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace imgforge::archive {

/// `length` bytes at `offset` of the literals (zip == nullopt) or of one of the zips.
struct Span {
  std::optional<std::uint32_t> zip;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  bool operator==(const Span&) const = default;
};

/// Describes one blob together with its literals; the blob's digest is the caller's to remember.
struct Recipe {
  std::string diff_id;  // sha256 of the tar stream, 64 hex digits
  std::uint64_t tar_size = 0;
  std::vector<Span> spans;
  bool operator==(const Recipe&) const = default;
};

/// Given to a LayerWriter, notes what it writes. Borrows everything until take().
class RecipeRecorder {
 public:
  /// `literals` receives the literal bytes of the blob, one after another. `zips` are the data of
  /// the archives that members will come from; a span names a zip by its place in this list.
  RecipeRecorder(base::Sink& literals, std::vector<const base::RandomAccess*> zips)
      : literals_(literals), zips_(std::move(zips)) {}

  /// The finished recipe; empty before LayerWriter::finish().
  Recipe take() { return std::move(recipe_); }

  // For LayerWriter.
  Result<> literal(base::Bytes bytes);
  /// Errc::internal when `zip` is not in the list.
  Result<> zip_range(const base::RandomAccess& zip, std::uint64_t offset, std::uint64_t length);
  void finish(std::string diff_id, std::uint64_t tar_size);

 private:
  base::Sink& literals_;
  std::vector<const base::RandomAccess*> zips_;
  std::uint64_t literal_size_ = 0;
  Recipe recipe_;
};

/// Writes the blob and returns its sha256 (64 hex digits), which the caller compares with the one
/// it remembers: that comparison is the whole protection against a changed zip or literal.
/// Errc::mismatch when a span lies outside of its data.
Result<std::string> write_from_recipe(const Recipe& recipe, const base::RandomAccess& literals,
                                      std::span<const base::RandomAccess* const> zips,
                                      base::Sink& out);

}  // namespace imgforge::archive
