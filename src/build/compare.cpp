#include "build/compare.h"

#include <fmt/format.h>

#include "archive/tar_reader.h"
#include "base/sha256.h"

namespace imgforge::build {
namespace {

// A layer as a sequence of entries with the digest of their content.
class Walk {
 public:
  static Result<std::unique_ptr<Walk>> open(const store::Store& store,
                                            const oci::Descriptor& layer) {
    auto walk = std::unique_ptr<Walk>(new Walk(TRY(store.open_blob(layer.digest))));
    walk->reader_.emplace(TRY(archive::TarReader::open(walk->file_)));
    TRY(walk->advance());
    return walk;
  }

  const std::optional<archive::TarEntry>& entry() const { return entry_; }

  Result<> advance() {
    entry_ = TRY(reader_->next());
    content_.clear();
    return {};
  }

  Result<std::string> content_digest() {
    if (content_.empty()) {
      base::HashingSink hash;
      (void)TRY(base::copy(reader_->content(), hash));
      content_ = hash.finish_hex();
    }
    return content_;
  }

 private:
  explicit Walk(base::File file) : file_(std::move(file)) {}
  base::File file_;
  std::optional<archive::TarReader> reader_;
  std::optional<archive::TarEntry> entry_;
  std::string content_;
};

Result<std::string> difference(Walk& left, Walk& right) {
  const archive::TarEntry& a = *left.entry();
  const archive::TarEntry& b = *right.entry();
  if (a.type != b.type) return "type";
  if (a.mode != b.mode) return fmt::format("mode {:04o}, {:04o}", a.mode, b.mode);
  if (a.uid != b.uid || a.gid != b.gid) {
    return fmt::format("owner {}:{}, {}:{}", a.uid, a.gid, b.uid, b.gid);
  }
  if (a.link_target != b.link_target) {
    return fmt::format("link target {}, {}", a.link_target, b.link_target);
  }
  if (a.size != b.size) return fmt::format("content ({} B, {} B)", a.size, b.size);
  if (a.mtime != b.mtime) return fmt::format("time {}, {}", a.mtime, b.mtime);
  if (a.xattrs != b.xattrs) return "extended attributes";
  if (a.size != 0 && TRY(left.content_digest()) != TRY(right.content_digest())) {
    return fmt::format("content ({} B each)", a.size);
  }
  return "";
}

}  // namespace

Result<> compare_layers(const store::Store& store, const oci::Descriptor& left,
                        const oci::Descriptor& right,
                        const std::function<bool(const EntryDifference&)>& visit) {
  using Kind = EntryDifference::Kind;
  const auto a = TRY(Walk::open(store, left));
  const auto b = TRY(Walk::open(store, right));
  while (a->entry() || b->entry()) {
    bool go_on = true;
    if (!b->entry() || (a->entry() && a->entry()->path < b->entry()->path)) {
      go_on = visit({Kind::removed, a->entry()->path, ""});
      TRY(a->advance());
    } else if (!a->entry() || b->entry()->path < a->entry()->path) {
      go_on = visit({Kind::added, b->entry()->path, ""});
      TRY(b->advance());
    } else {
      if (const std::string what = TRY(difference(*a, *b)); !what.empty()) {
        go_on = visit({Kind::changed, a->entry()->path, what});
      }
      TRY(a->advance());
      TRY(b->advance());
    }
    if (!go_on) break;
  }
  return {};
}

Result<std::string> first_difference(const store::Store& store, const oci::Descriptor& left,
                                     const oci::Descriptor& right) {
  std::string sentence = "no entry differs, only the compressed bytes";
  TRY(compare_layers(store, left, right, [&](const EntryDifference& found) {
    switch (found.kind) {
      case EntryDifference::Kind::added:
        sentence = found.path + " is only in the second";
        break;
      case EntryDifference::Kind::removed:
        sentence = found.path + " is only in the first";
        break;
      case EntryDifference::Kind::changed:
        sentence = fmt::format("{} differs in its {}", found.path, found.what);
        break;
    }
    return false;
  }));
  return sentence;
}

}  // namespace imgforge::build
