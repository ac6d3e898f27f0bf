#include "sandbox/capture.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/file.h"
#include "sandbox/inode.h"
#include "sandbox/marks.h"
#include "sandbox/pattern.h"

namespace imgforge::sandbox {
namespace {

using archive::EntryType;
using archive::TarEntry;

struct Found {
  std::string path;     // in the tar; of a whiteout, the marker's
  bool marker = false;  // a whiteout or opaque marker: an empty file
  bool emptied = false;
};

std::string below_folder(const std::string& folder, const std::string& name) {
  return folder.empty() ? name : folder + "/" + name;
}

class Scan {
 public:
  explicit Scan(const Capture& request) : request_(request) {
    for (const CaptureRule& rule : request.rules) {
      (rule.action == CaptureRule::Action::drop ? dropped_ : emptied_).emplace_back(rule.pattern);
    }
  }

  Result<std::vector<Found>> run() {
    (void)TRY(folder("", !request_.below.empty()));
    std::sort(found_.begin(), found_.end(),
              [](const Found& a, const Found& b) { return a.path < b.path; });
    return std::move(found_);
  }

 private:
  static bool any(const std::vector<Pattern>& patterns, const std::string& path) {
    return std::any_of(patterns.begin(), patterns.end(),
                       [&](const Pattern& pattern) { return pattern.matches(path); });
  }

  // `seen_below`: the same folder exists in the trees below and shows through. True when anything
  // in the folder was kept.
  Result<bool> folder(const std::string& path, bool seen_below) {
    bool kept = false;
    for (const std::string& name :
         TRY(base::list_directory(base::join_path(request_.folder, path)))) {
      if (TRY(entry(path, name, seen_below))) kept = true;
    }
    return kept;
  }

  Result<bool> entry(const std::string& parent, const std::string& name, bool seen_below) {
    const std::string path = below_folder(parent, name);
    const std::string file = request_.folder + "/" + path;
    const auto status = TRY(look_at(file));
    if (!status) return fail(Errc::internal, file + " vanished while it was captured");
    std::optional<struct stat> before;
    if (seen_below) before = TRY(look_at(request_.below + "/" + path));

    if (!request_.below.empty() && is_whiteout(*status)) {
      if (!before) return false;
      found_.push_back({below_folder(parent, std::string(kWhiteoutPrefix) + name), true});
      return true;
    }
    if (name.starts_with(kWhiteoutPrefix)) {
      return fail(Error(Errc::invalid, "a layer cannot hold a file of this name: " + path)
                      .hint("names that begin with .wh. mean deletions in OCI layers"));
    }
    if (S_ISSOCK(status->st_mode) || any(dropped_, path)) return false;
    if (S_ISDIR(status->st_mode)) return directory(path, *status, before);
    const bool emptied = S_ISREG(status->st_mode) && any(emptied_, path);
    if (before && status->st_nlink == 1 && !emptied &&
        TRY(is_same(file, *status, request_.below + "/" + path, *before, request_.epoch))) {
      return false;
    }
    found_.push_back({path, false, emptied});
    return true;
  }

  Result<bool> directory(const std::string& path, const struct stat& status,
                         const std::optional<struct stat>& before) {
    const std::string file = request_.folder + "/" + path;
    const bool was_folder = before && S_ISDIR(before->st_mode);
    // Overlay marks every new folder opaque; the marker is needed only where there is something to
    // hide.
    const bool opaque = was_folder && has_xattr(file, request_.opaque_attribute.c_str(), "y");
    const std::size_t mine = found_.size();
    found_.push_back({path});
    if (opaque) found_.push_back({path + "/" + std::string(kOpaqueName), true});
    const bool kept = TRY(folder(path, was_folder && !opaque));
    if (kept || opaque || !was_folder) return true;
    if (!TRY(is_same(file, status, request_.below + "/" + path, *before, request_.epoch))) {
      return true;
    }
    found_.erase(found_.begin() + static_cast<std::ptrdiff_t>(mine));
    return false;
  }

  const Capture& request_;
  std::vector<Pattern> dropped_;
  std::vector<Pattern> emptied_;
  std::vector<Found> found_;
};

// Joins small writes: most entries are a header and a few bytes.
class BufferedSink final : public base::Sink {
 public:
  explicit BufferedSink(base::Sink& out) : out_(out) { buffer_.reserve(base::kChunk); }
  Result<> write(base::Bytes bytes) override {
    if (buffer_.size() + bytes.size() > base::kChunk) TRY(flush());
    if (bytes.size() >= base::kChunk) return out_.write(bytes);
    buffer_ += base::as_text(bytes);
    return {};
  }
  Result<> flush() {
    TRY(out_.write(base::as_bytes(buffer_)));
    buffer_.clear();
    return {};
  }

 private:
  base::Sink& out_;
  std::string buffer_;
};

class Emitter {
 public:
  Emitter(const Capture& request, base::Sink& out) : request_(request), out_(out) {}

  Result<> emit(const Found& found) {
    if (found.marker) {
      TarEntry marker{.path = found.path, .mode = 0644, .mtime = request_.epoch.value};
      return header(marker);
    }
    const std::string file = request_.folder + "/" + found.path;
    const auto status = TRY(look_at(file));
    if (!status) return fail(Errc::internal, file + " vanished while it was captured");
    TarEntry entry = TRY(describe(file, *status, request_.epoch));
    entry.path = found.path;
    if (found.emptied) {
      entry.size = 0;
      return header(entry);
    }
    if (!S_ISDIR(status->st_mode) && status->st_nlink > 1) {
      const auto [first, is_first] =
          names_.try_emplace({status->st_dev, status->st_ino}, found.path);
      if (!is_first) {
        entry.type = EntryType::hard_link;
        entry.link_target = first->second;
        entry.size = 0;
        entry.xattrs.clear();  // they are the file's, which has them
        return header(entry);
      }
    }
    TRY(header(entry));
    if (entry.type != EntryType::file) return {};
    return content(file, entry.size);
  }

  Result<> end() {
    TRY(out_.write(base::as_bytes(std::string(archive::kTarEnd, '\0'))));
    return out_.flush();
  }

 private:
  Result<> header(const TarEntry& entry) {
    return out_.write(base::as_bytes(TRY(archive::tar_header(entry))));
  }

  Result<> content(const std::string& file, std::uint64_t size) {
    const base::File data = TRY(base::File::open_read(file));
    for (std::uint64_t at = 0; at < size;) {
      const auto piece = base::MutableBytes(chunk_).first(
          static_cast<std::size_t>(std::min<std::uint64_t>(chunk_.size(), size - at)));
      TRY(data.read_at(at, piece));
      TRY(out_.write(piece));
      at += piece.size();
    }
    return out_.write(base::as_bytes(std::string(archive::tar_padding(size), '\0')));
  }

  const Capture& request_;
  BufferedSink out_;
  std::vector<std::byte> chunk_ = std::vector<std::byte>(base::kChunk);
  std::map<std::pair<dev_t, ino_t>, std::string> names_;
};

}  // namespace

Result<> capture(const Capture& request, base::Sink& out) {
  const std::vector<Found> all = TRY(Scan(request).run());
  Emitter emitter(request, out);
  for (const Found& found : all) TRY(emitter.emit(found));
  return emitter.end();
}

}  // namespace imgforge::sandbox
