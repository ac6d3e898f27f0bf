// The files of one layer while they are collected, in any order: checks every entry, adds missing
// parent folders, finds contradictions, brings all into the one order of layers (byte-wise by path)
// and writes them. What is kept per entry is its header; content is text, a member of a zip, or
// opened when it is written.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <variant>

#include "archive/layer_writer.h"
#include "base/progress.h"
#include "base/time.h"

namespace imgforge::layer {

class TreeEntries {
 public:
  /// Gives the content of a file, exactly entry.size bytes; called at most once, during emit().
  using Open = std::function<Result<std::unique_ptr<base::Source>>()>;

  /// What a second entry for one path means. Folders may always come again; the first one counts.
  enum class Repeat {
    refuse,   // two archives claim the same file
    replace,  // later members of one tar win, as when it is unpacked
  };

  /// Every entry gets `mtime`.
  explicit TreeEntries(base::Seconds mtime, Repeat repeat = Repeat::refuse)
      : mtime_(mtime), repeat_(repeat) {}

  /// `origin` names where the entry comes from, for errors ("libfoo_1.0.deb").
  Result<> add(archive::TarEntry entry, const std::string& origin);  // no content
  Result<> add(archive::TarEntry entry, Open open, const std::string& origin);
  Result<> add_text(std::string path, std::string content, const std::string& origin,
                    std::uint32_t mode = 0644);
  Result<> add_link(std::string path, std::string target, const std::string& origin);
  /// Borrows both until emit() has returned.
  Result<> add_member(archive::TarEntry entry, const archive::ZipArchive& zip,
                      const archive::ZipEntry& member, const std::string& origin);
  /// Takes all entries of another collection.
  Result<> merge(TreeEntries other);

  std::size_t size() const { return entries_.size(); }
  bool contains(const std::string& path) const { return entries_.contains(path); }
  /// Sum of contents.
  std::uint64_t content_bytes() const;
  /// Entries in order, parents that nobody added left out.
  void visit(const std::function<void(const archive::TarEntry&)>& visitor) const;

  /// Writes everything, tells `task` of the bytes, and leaves this empty. A hard link's content
  /// goes to the path of its group that comes first. Fails when a file or link stands where another
  /// entry needs a folder, or a hard link has no target.
  Result<> emit(archive::LayerWriter& out, base::ProgressTask* task = nullptr,
                std::stop_token stop = {});

 private:
  struct Member {
    const archive::ZipArchive* zip;
    const archive::ZipEntry* entry;
  };
  using Content = std::variant<std::monostate, std::string, Open, Member>;
  struct Entry {
    archive::TarEntry header;
    Content content;
    std::string origin;
  };

  Result<> put(archive::TarEntry header, Content content, const std::string& origin);
  Result<> add_parents();
  Result<> order_hard_links();
  static Result<> write(const Entry& entry, archive::LayerWriter& out);

  base::Seconds mtime_;
  Repeat repeat_;
  std::map<std::string, Entry> entries_;
};

}  // namespace imgforge::layer
