#include "evidence/found.h"

#include "evidence/deb_package.h"
#include "sources/deb822.h"

namespace imgforge::evidence {
namespace {

std::string field(std::string_view stanza, std::string_view name) {
  return sources::deb822_field(stanza, name).value_or("");
}

std::pair<std::string, std::string> key_of(std::string_view stanza) {
  return {field(stanza, "Package"), field(stanza, "Architecture")};
}

bool is_within(std::string_view path, std::string_view folder) {
  return folder.empty() || path == folder ||
         (path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/');
}

}  // namespace

void Found::add(std::size_t layer, LayerFindings findings) {
  for (const std::string& folder : findings.emptied) remove(folder);
  for (const std::string& path : findings.removed) remove(path);
  for (auto& [folder, metadata] : findings.python) {
    python_.insert_or_assign(folder, FoundPython{std::move(metadata), layer});
  }
  for (auto& [name, license] : findings.copyrights) {
    doc_links_.erase(name);
    copyrights_.insert_or_assign(name, std::move(license));
  }
  for (auto& [name, owner] : findings.doc_links) doc_links_.insert_or_assign(name, owner);
  for (auto& [name, stanza] : findings.dpkg_parts) {
    unpacked_.insert_or_assign(name, FoundDeb{std::move(stanza), layer});
  }
  if (!findings.dpkg_status) return;
  DebMap now;
  for (const std::string_view stanza : installed_stanzas(*findings.dpkg_status)) {
    const auto key = key_of(stanza);
    const auto before = status_.find(key);
    const bool same = before != status_.end() &&
                      field(before->second.stanza, "Version") == field(stanza, "Version");
    now[key] = {std::string(stanza), same ? before->second.layer : layer};
  }
  status_ = std::move(now);
}

/// Copyright files that are removed still say under which licence the package is.
void Found::remove(const std::string& path) {
  std::erase_if(python_, [&](const auto& item) {
    const auto& [folder, python] = item;
    if (!is_within(folder, path)) return false;
    const std::size_t slash = folder.rfind('/');
    gone_.emplace(slash == std::string::npos ? "" : folder.substr(0, slash),
                  python.metadata.project);
    return true;
  });
  std::erase_if(unpacked_, [&](const auto& item) {
    return is_within("var/lib/dpkg/status.d/" + item.first, path);
  });
  if (is_within("var/lib/dpkg/status", path)) status_.clear();
}

std::map<std::pair<std::string, std::string>, FoundDeb> Found::debs() const {
  DebMap all = status_;
  for (const auto& [name, deb] : unpacked_) {
    for (const std::string_view stanza : installed_stanzas(deb.stanza)) {
      all.insert_or_assign(key_of(stanza), FoundDeb{std::string(stanza), deb.layer});
    }
  }
  return all;
}

License Found::license_of_deb(const std::string& name) const {
  std::string owner = name;
  constexpr int kMaximumLinks = 8;
  for (int links = 0; links < kMaximumLinks; ++links) {
    if (const auto own = copyrights_.find(owner); own != copyrights_.end()) return own->second;
    const auto link = doc_links_.find(owner);
    if (link == doc_links_.end()) break;
    owner = link->second;
  }
  return {};
}

std::optional<std::size_t> Found::layer_of_unpacked(const std::string& name) const {
  const auto found = unpacked_.find(name);
  if (found == unpacked_.end()) return std::nullopt;
  return found->second.layer;
}

}  // namespace imgforge::evidence
