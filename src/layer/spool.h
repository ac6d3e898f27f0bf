// Entries that arrive in an archive's order and must leave sorted: contents go to one scratch file
// one after the other, headers stay in memory; emit_sorted() writes the layer with positioned
// reads. Memory is a few hundred bytes per entry, whatever their size.
#pragma once

#include <memory>
#include <string>

#include "base/file.h"
#include "layer/tree_entries.h"

namespace imgforge::layer {

class EntrySpool {
 public:
  /// `scratch`: an existing folder; the file has no name in it and is gone with this object.
  static Result<EntrySpool> create(const std::string& scratch, base::Seconds mtime,
                                   TreeEntries::Repeat repeat = TreeEntries::Repeat::refuse);

  /// Reads exactly entry.size bytes from `content` for files, nothing for anything else. When the
  /// same path comes again under Repeat::replace, the old content stays unused in the file.
  Result<> add(const archive::TarEntry& entry, base::Source& content, const std::string& origin);
  Result<> add(const archive::TarEntry& entry, const std::string& origin);

  /// What was collected so far, to add generated files. Contents refer to the scratch file, which
  /// lives as long as the entries do.
  TreeEntries& entries() { return entries_; }
  std::uint64_t spooled_bytes() const { return end_; }

  Result<> emit_sorted(archive::LayerWriter& out, base::ProgressTask* task = nullptr,
                       std::stop_token stop = {}) {
    return entries_.emit(out, task, std::move(stop));
  }

 private:
  EntrySpool(std::shared_ptr<base::File> file, base::Seconds mtime, TreeEntries::Repeat repeat)
      : file_(std::move(file)), entries_(mtime, repeat) {}
  Result<> append(base::Source& content, std::uint64_t size, const std::string& path);

  std::shared_ptr<base::File> file_;
  TreeEntries entries_;
  std::uint64_t end_ = 0;
  std::vector<std::byte> buffer_;
};

}  // namespace imgforge::layer
