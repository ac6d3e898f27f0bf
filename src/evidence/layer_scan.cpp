#include "evidence/layer_scan.h"

#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/sha1.h"
#include "base/sha256.h"
#include "base/text.h"
#include "evidence/copyright.h"

namespace imgforge::evidence {
namespace {

using archive::EntryType;
using archive::TarEntry;

constexpr std::size_t kLargestStatus = 64 << 20;     // a dpkg status of 30,000 packages has 30 MB
constexpr std::size_t kLargestMetadata = 4 << 20;    // with a README as description
constexpr std::size_t kLargestCopyright = 16 << 20;  // Boost's has 2 MB

constexpr std::string_view kDocs = "usr/share/doc/";
constexpr std::string_view kStatus = "var/lib/dpkg/status";
constexpr std::string_view kStatusParts = "var/lib/dpkg/status.d/";

class BothHashes final : public base::Sink {
 public:
  Result<> write(base::Bytes bytes) override {
    sha256_.update(bytes);
    sha1_.update(bytes);
    return {};
  }
  base::Sha256 sha256_;
  base::Sha1 sha1_;
};

/// "libgcc-s1" for "usr/share/doc/libgcc-s1/copyright".
std::string_view copyright_owner(std::string_view path) {
  constexpr std::string_view kFile = "/copyright";
  if (!path.starts_with(kDocs) || !path.ends_with(kFile)) return {};
  path = path.substr(kDocs.size(), path.size() - kDocs.size() - kFile.size());
  return path.find('/') == std::string_view::npos ? path : std::string_view();
}

void note_link(const TarEntry& entry, LayerFindings& found) {
  const std::string_view path = entry.path;
  if (!path.starts_with(kDocs)) return;
  std::string_view target = entry.link_target;
  std::string_view owner = copyright_owner(path);
  if (!owner.empty()) {  // "../gcc-12-base/copyright", or a hard link's whole path
    if (!target.ends_with("/copyright")) return;
    target.remove_suffix(std::string_view("/copyright").size());
  } else {
    owner = path.substr(kDocs.size());
    if (owner.find('/') != std::string_view::npos) return;
  }
  target = target.substr(target.rfind('/') + 1);
  if (!target.empty() && target != owner) found.doc_links.emplace(owner, target);
}

/// The largest text worth reading of the file at this path; 0: none.
std::size_t interest(std::string_view path) {
  if (path == kStatus) return kLargestStatus;
  if (path.starts_with(kStatusParts)) return path.ends_with(".md5sums") ? 0 : kLargestMetadata;
  if (!python_metadata_folder(path).empty()) return kLargestMetadata;
  return copyright_owner(path).empty() ? 0 : kLargestCopyright;
}

void note_text(const std::string& path, std::string text, LayerFindings& found) {
  if (path == kStatus) {
    found.dpkg_status = std::move(text);
  } else if (path.starts_with(kStatusParts)) {
    found.dpkg_parts[path.substr(kStatusParts.size())] = std::move(text);
  } else if (const auto folder = python_metadata_folder(path); !folder.empty()) {
    auto metadata = parse_python_metadata(text);
    if (metadata) found.python[std::string(folder)] = std::move(*metadata);
  } else {
    found.copyrights[std::string(copyright_owner(path))] = parse_copyright(text);
  }
}

Result<> read_file(const TarEntry& entry, base::Source& content, bool hash, LayerFindings& found) {
  BothHashes hashes;
  const std::size_t limit = interest(entry.path);
  if (entry.path == kStatus || (limit != 0 && entry.size <= limit)) {
    std::string text = TRY(base::read_all(content, limit));
    TRY(hashes.write(base::as_bytes(text)));
    note_text(entry.path, std::move(text), found);
  } else if (hash) {
    (void)TRY(base::copy(content, hashes));
  }
  if (hash) {
    found.files.push_back(
        {entry.path, entry.size, hashes.sha256_.finish_hex(), hashes.sha1_.finish_hex()});
  }
  return {};
}

bool note_whiteout(const std::string& path, LayerFindings& found) {
  constexpr std::string_view kWhiteout = ".wh.", kOpaque = ".wh..wh..opq";
  const std::string name = base::base_name(path);
  if (!name.starts_with(kWhiteout)) return false;
  const std::string folder = path.size() == name.size() ? "" : base::parent_path(path);
  if (name == kOpaque) {
    found.emptied.push_back(folder);
  } else {
    const std::string victim = name.substr(kWhiteout.size());
    found.removed.push_back(folder.empty() ? victim : folder + "/" + victim);
  }
  return true;
}

}  // namespace

std::string_view python_metadata_folder(std::string_view path) {
  const auto cut = [](std::string_view text, std::string_view tail) {
    return text.substr(0, text.size() - tail.size());
  };
  if (path.ends_with(".dist-info/METADATA")) return cut(path, "/METADATA");
  if (path.ends_with(".egg-info/PKG-INFO")) return cut(path, "/PKG-INFO");
  if (path.ends_with(".egg-info")) return path;
  return {};
}

Result<LayerFindings> scan_layer(base::Source& blob, bool list_files, std::stop_token stop) {
  LayerFindings found;
  auto reader = TRY(archive::TarReader::open(blob));
  std::size_t files = 0;
  while (const auto entry = TRY(reader.next())) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (note_whiteout(entry->path, found)) continue;
    if (entry->type == EntryType::symlink || entry->type == EntryType::hard_link) {
      note_link(*entry, found);
    }
    if (entry->type != EntryType::file) continue;
    const bool hash = list_files && ++files <= kMaximumFiles;
    TRY(read_file(*entry, reader.content(), hash, found));
  }
  if (files > kMaximumFiles) found.files.clear();
  return found;
}

}  // namespace imgforge::evidence
