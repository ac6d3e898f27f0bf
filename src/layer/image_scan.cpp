#include "layer/image_scan.h"

#include <fmt/format.h>

#include <set>

#include "archive/tar_reader.h"
#include "base/text.h"
#include "layer/dpkg_status.h"

namespace imgforge::layer {

using archive::EntryType;

namespace {

constexpr std::size_t kLargestText = 64 << 20;  // a dpkg status of 30,000 packages has 30 MB
constexpr std::size_t kLargestLibc = 32 << 20;

constexpr std::string_view kStatus = "var/lib/dpkg/status";

std::string_view last_part(std::string_view path) { return path.substr(path.rfind('/') + 1); }
std::string parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}

/// "3.11" for "python3.11"; empty for anything else.
std::string_view python_of(std::string_view name) {
  constexpr std::string_view kStart = "python";
  if (!name.starts_with(kStart)) return {};
  const std::string_view version = name.substr(kStart.size());
  const std::size_t dot = version.find('.');
  if (dot == std::string_view::npos || !base::parse_uint(version.substr(0, dot)) ||
      !base::parse_uint(version.substr(dot + 1))) {
    return {};
  }
  return version;
}

bool is_python(std::string_view path) {
  const std::string folder = parent_of(path);
  return (folder == "usr/bin" || folder == "usr/local/bin") && !python_of(last_part(path)).empty();
}

/// PREFIX/include/python3.11/patchlevel.h says the exact version.
bool is_patchlevel(std::string_view path) {
  return last_part(path) == "patchlevel.h" && !python_of(last_part(parent_of(path))).empty();
}

bool is_libc(std::string_view path) {
  const std::string_view name = last_part(path);
  if (name != "libc.so.6" && !(name.starts_with("libc-2.") && name.ends_with(".so"))) return false;
  std::string_view folder = path.substr(0, path.size() - name.size());
  if (folder.starts_with("usr/")) folder.remove_prefix(4);
  return folder == "lib/" || folder == "lib64/" ||
         (folder.starts_with("lib/") && folder.ends_with("-linux-gnu/") &&
          folder.find('/', 4) == folder.size() - 1);
}

bool is_interesting(std::string_view path) {
  return path == "etc/os-release" || path == "usr/lib/os-release" || path == kStatus ||
         is_python(path) || is_patchlevel(path) || is_libc(path);
}

/// The release that glibc says of itself: "… stable release version 2.36."
std::string glibc_of(std::string_view library) {
  constexpr std::string_view kBefore = "stable release version ";
  const std::size_t at = library.find(kBefore);
  if (at == std::string_view::npos) return {};
  std::string_view rest = library.substr(at + kBefore.size());
  std::size_t end = 0;
  while (end < rest.size() && ((rest[end] >= '0' && rest[end] <= '9') || rest[end] == '.')) ++end;
  rest = rest.substr(0, end);
  while (rest.ends_with('.')) rest.remove_suffix(1);
  return std::string(rest);
}

std::string upstream(std::string_view version) {
  if (const auto colon = version.find(':'); colon != std::string_view::npos) {
    version.remove_prefix(colon + 1);
  }
  return std::string(version.substr(0, version.find_first_of("-~+")));
}

}  // namespace

std::map<std::string, std::string> parse_os_release(std::string_view text) {
  std::map<std::string, std::string> values;
  for (const std::string_view raw : base::lines(text)) {
    const std::string_view line = base::trim(raw);
    const std::size_t equals = line.find('=');
    if (line.starts_with('#') || equals == std::string_view::npos) continue;
    std::string_view value = line.substr(equals + 1);
    if (value.size() >= 2 && (value.front() == '"' || value.front() == '\'') &&
        value.back() == value.front()) {
      value = value.substr(1, value.size() - 2);
    }
    values[std::string(line.substr(0, equals))] = value;
  }
  return values;
}

Result<> ImageScan::add_layer(base::Source& blob, const std::string& name) {
  auto reader = TRY(with_context(archive::TarReader::open(blob), "reading the layer " + name));
  constexpr std::string_view kWhiteout = ".wh.";
  constexpr std::string_view kOpaque = ".wh..wh..opq";
  std::vector<std::string> removed, emptied;
  std::map<std::string, FoundFile> added;
  LayerSize size;
  for (;;) {
    auto next = TRY(with_context(reader.next(), "reading the layer " + name));
    if (!next) break;
    const archive::TarEntry& entry = *next;
    ++size.entries;
    size.bytes += archive::kTarBlock + entry.size + archive::tar_padding(entry.size);
    const std::string_view base = last_part(entry.path);
    const std::string folder = parent_of(entry.path);
    if (base == kOpaque) {
      emptied.push_back(folder);
    } else if (base.starts_with(kWhiteout)) {
      const std::string_view victim = base.substr(kWhiteout.size());
      removed.push_back(folder.empty() ? std::string(victim)
                                       : fmt::format("{}/{}", folder, victim));
    } else if (entry.type != EntryType::directory && is_interesting(entry.path)) {
      FoundFile found{.link_target = entry.link_target, .executable = (entry.mode & 0111) != 0};
      if (entry.type == EntryType::file && is_libc(entry.path)) {
        found.text = glibc_of(TRY(base::read_all(reader.content(), kLargestLibc)));
      } else if (entry.type == EntryType::file && !is_python(entry.path)) {
        found.text = TRY(base::read_all(reader.content(), kLargestText));
      }
      added[entry.path] = std::move(found);
    }
  }
  // Whiteouts speak of the layers below only (image-spec v1.1.1, layer.md "Whiteouts").
  for (const std::string& folder : emptied) remove_below(folder);
  for (const std::string& path : removed) {
    files_.erase(path);
    remove_below(path);
  }
  for (auto& [path, found] : added) files_[path] = std::move(found);
  layers_.push_back(size);
  return {};
}

void ImageScan::remove_below(const std::string& folder) {
  if (folder.empty()) return files_.clear();
  const std::string prefix = folder + "/";
  std::erase_if(files_, [&](const auto& item) { return item.first.starts_with(prefix); });
}

std::optional<std::string> ImageScan::text(std::string_view path) const {
  auto found = files_.find(std::string(path));
  if (found == files_.end()) return std::nullopt;
  if (found->second.link_target.empty()) return found->second.text;
  // One link deep, as /etc/os-release -> ../usr/lib/os-release.
  std::string joined;
  std::vector<std::string_view> parts;
  const std::string whole = found->second.link_target.starts_with('/')
                                ? found->second.link_target
                                : parent_of(path) + "/" + found->second.link_target;
  for (const std::string_view part : base::split(whole, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.push_back(part);
    }
  }
  found = files_.find(fmt::format("{}", fmt::join(parts, "/")));
  if (found == files_.end() || !found->second.link_target.empty()) return std::nullopt;
  return found->second.text;
}

std::string ImageScan::find_glibc() const {
  for (const auto& [path, found] : files_) {
    if (is_libc(path) && !found.text.empty()) return found.text;
  }
  return {};
}

std::optional<PythonFacts> ImageScan::find_python(const std::string& dpkg_status) const {
  // /usr/local comes first on every PATH; there the newest counts.
  std::string best;
  for (const auto& [path, found] : files_) {
    if (!is_python(path)) continue;
    const auto minor = [](std::string_view p) {
      const std::string_view version = python_of(last_part(p));
      return base::parse_uint(version.substr(version.find('.') + 1)).value_or(0);
    };
    const bool local = path.starts_with("usr/local/");
    const bool best_local = best.starts_with("usr/local/");
    if (best.empty() || (local && !best_local) ||
        (local == best_local && minor(path) > minor(best))) {
      best = path;
    }
  }
  if (best.empty()) return std::nullopt;
  const std::string name(last_part(best));
  PythonFacts python{.version = std::string(python_of(name)), .executable = "/" + best};
  const std::string header =
      fmt::format("{}/include/{}/patchlevel.h", parent_of(parent_of(best)), name);
  if (const auto text = this->text(header)) {
    constexpr std::string_view kBefore = "#define PY_VERSION";
    if (const auto at = text->find(kBefore); at != std::string::npos) {
      const auto words = base::split(std::string_view(*text).substr(at), '"');
      if (words.size() > 2) python.version = words[1];
    }
  } else if (best.starts_with("usr/bin/")) {
    const auto packages = installed_packages(dpkg_status);
    if (!packages) return python;
    for (const InstalledPackage& package : *packages) {
      if (package.name == name + "-minimal") python.version = upstream(package.version);
    }
  }
  return python;
}

Facts ImageScan::facts() const {
  Facts facts;
  auto release = text("etc/os-release");
  if (!release) release = text("usr/lib/os-release");
  if (release) {
    const auto values = parse_os_release(*release);
    const auto value = [&](const char* key) {
      const auto found = values.find(key);
      return found == values.end() ? std::string() : found->second;
    };
    facts.os_id = value("ID");
    facts.os_version = value("VERSION_ID");
  }
  facts.dpkg_status = text(kStatus).value_or("");
  facts.glibc = find_glibc();
  facts.python = find_python(facts.dpkg_status);
  return facts;
}

}  // namespace imgforge::layer
