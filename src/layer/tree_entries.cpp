#include "layer/tree_entries.h"

#include <fmt/format.h>

#include <vector>

#include "base/file.h"

namespace imgforge::layer {

using archive::EntryType;
using archive::TarEntry;

Result<> TreeEntries::put(TarEntry header, Content content, const std::string& origin) {
  header.path = TRY(archive::normal_path(header.path));
  if (header.path.empty()) return {};  // the root itself: every image has one
  header.mtime = mtime_.value;
  if (header.type != EntryType::file) header.size = 0;
  const auto found = entries_.find(header.path);
  if (found != entries_.end()) {
    Entry& old = found->second;
    const bool both_folders =
        old.header.type == EntryType::directory && header.type == EntryType::directory;
    if (both_folders) return {};
    if (repeat_ == Repeat::refuse) {
      return fail(Error(Errc::invalid, fmt::format("/{} comes from {} and from {}", header.path,
                                                   old.origin, origin))
                      .hint("leave one of them out with `exclude`"));
    }
    old = Entry{std::move(header), std::move(content), origin};
    return {};
  }
  std::string path = header.path;
  entries_.emplace(std::move(path), Entry{std::move(header), std::move(content), origin});
  return {};
}

Result<> TreeEntries::add(TarEntry entry, const std::string& origin) {
  if (entry.type == EntryType::file && entry.size != 0) {
    return fail(Errc::internal, "a file without content was added: " + entry.path);
  }
  return put(std::move(entry), std::monostate(), origin);
}

Result<> TreeEntries::add(TarEntry entry, Open open, const std::string& origin) {
  return put(std::move(entry), std::move(open), origin);
}

Result<> TreeEntries::add_text(std::string path, std::string content, const std::string& origin,
                               std::uint32_t mode) {
  TarEntry entry{.path = std::move(path), .mode = mode, .size = content.size()};
  return put(std::move(entry), std::move(content), origin);
}

Result<> TreeEntries::add_link(std::string path, std::string target, const std::string& origin) {
  return put({.path = std::move(path),
              .type = EntryType::symlink,
              .mode = 0777,
              .link_target = std::move(target)},
             std::monostate(), origin);
}

Result<> TreeEntries::add_member(TarEntry entry, const archive::ZipArchive& zip,
                                 const archive::ZipEntry& member, const std::string& origin) {
  entry.size = member.size;
  return put(std::move(entry), Member{&zip, &member}, origin);
}

Result<> TreeEntries::merge(TreeEntries other) {
  for (auto& [path, entry] : other.entries_) {
    TRY(put(std::move(entry.header), std::move(entry.content), entry.origin));
  }
  return {};
}

std::uint64_t TreeEntries::content_bytes() const {
  std::uint64_t sum = 0;
  for (const auto& [path, entry] : entries_) sum += entry.header.size;
  return sum;
}

void TreeEntries::visit(const std::function<void(const TarEntry&)>& visitor) const {
  for (const auto& [path, entry] : entries_) visitor(entry.header);
}

Result<> TreeEntries::add_parents() {
  // A parent sorts before its child, so what is inserted here is not visited again.
  for (const auto& [path, entry] : entries_) {
    for (std::size_t slash = path.rfind('/'); slash != std::string::npos;
         slash = path.rfind('/', slash - 1)) {
      std::string parent = path.substr(0, slash);
      TarEntry folder{
          .path = parent, .type = EntryType::directory, .mode = 0755, .mtime = mtime_.value};
      const auto [found, inserted] = entries_.try_emplace(
          std::move(parent), Entry{std::move(folder), std::monostate(), entry.origin});
      if (inserted) continue;
      if (found->second.header.type != EntryType::directory) {
        return fail(Errc::invalid,
                    fmt::format("{} puts a file at /{}, but /{} is not a folder (from {})",
                                entry.origin, path, found->first, found->second.origin));
      }
      break;  // that folder's own parents are made with it
    }
  }
  return {};
}

Result<> TreeEntries::order_hard_links() {
  // The names of one file, in order, by the name that has the content.
  std::map<std::string, std::vector<std::string>> groups;
  for (const auto& [path, entry] : entries_) {
    if (entry.header.type != EntryType::hard_link) continue;
    std::string target = entry.header.link_target;
    for (int steps = 0;; ++steps) {  // a link may point to a link
      const auto found = entries_.find(target);
      if (found == entries_.end() || steps > 100) {
        return fail(
            Error(Errc::invalid,
                  fmt::format("the hard link /{} (from {}) points to /{}, which is not among "
                              "the files taken",
                              path, entry.origin, entry.header.link_target))
                .hint("include its target too, or exclude the link"));
      }
      if (found->second.header.type != EntryType::hard_link) {
        if (found->second.header.type != EntryType::file) {
          return fail(Errc::invalid, fmt::format("the hard link /{} (from {}) points to /{}, which "
                                                 "is no file",
                                                 path, entry.origin, target));
        }
        break;
      }
      target = found->second.header.link_target;
    }
    groups[target].push_back(path);
  }
  for (const auto& [holder, links] : groups) {
    const std::string& first = std::min(holder, links.front());
    if (first != holder) {
      Entry& content = entries_.at(holder);
      Entry& leader = entries_.at(first);
      leader.header = content.header;
      leader.header.path = first;
      leader.content = std::move(content.content);
      content.header.type = EntryType::hard_link;
      content.header.size = 0;
      content.header.link_target = first;
      content.content = std::monostate();
    }
    const TarEntry& leader = entries_.at(first).header;
    for (const std::string& link : links) {
      if (link == first) continue;
      TarEntry& header = entries_.at(link).header;
      header.link_target = first;
      header.mode = leader.mode;  // one file has one mode and owner
      header.uid = leader.uid;
      header.gid = leader.gid;
    }
  }
  return {};
}

Result<> TreeEntries::write(const Entry& entry, archive::LayerWriter& out) {
  if (const auto* text = std::get_if<std::string>(&entry.content)) {
    return out.add(entry.header, std::string_view(*text));
  }
  if (const auto* open = std::get_if<Open>(&entry.content)) {
    auto source = TRY((*open)());
    return out.add(entry.header, *source);
  }
  if (const auto* member = std::get_if<Member>(&entry.content)) {
    return out.add(entry.header, *member->zip, *member->entry);
  }
  if (entry.header.type == EntryType::file) return out.add(entry.header, std::string_view());
  return out.add(entry.header);
}

Result<> TreeEntries::emit(archive::LayerWriter& out, base::ProgressTask* task,
                           std::stop_token stop) {
  TRY(add_parents());
  TRY(order_hard_links());
  while (!entries_.empty()) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const auto node = entries_.extract(entries_.begin());  // frees what is written
    TRY(with_context(write(node.mapped(), out), fmt::format("writing /{}", node.key())));
    const std::uint64_t size = node.mapped().header.size;
    if (task != nullptr) task->advance(archive::kTarBlock + size + archive::tar_padding(size));
  }
  return {};
}

}  // namespace imgforge::layer
