#include "build/image_diff.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "archive/tar_reader.h"
#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "build/assemble.h"

namespace imgforge::build {
namespace {

using Values = std::map<std::string, std::string>;

std::vector<Change> changes(const Values& before, const Values& after) {
  std::vector<Change> out;
  std::set<std::string> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : after) names.insert(name);
  for (const std::string& name : names) {
    const auto old = before.find(name);
    const auto now = after.find(name);
    const std::string left = old == before.end() ? "" : old->second;
    const std::string right = now == after.end() ? "" : now->second;
    if (left != right || (old == before.end()) != (now == after.end())) {
      out.push_back({name, left, right});
    }
  }
  return out;
}

Values components_of(const DiffSide& side) {
  Values out;
  const std::string_view prefix = kComponentPrefix;
  for (const auto& [name, value] : side.config.config.labels) {
    if (name.starts_with(prefix)) out[name.substr(prefix.size())] = value;
  }
  return out;
}

Values config_of(const DiffSide& side) {
  const oci::RuntimeConfig& config = side.config.config;
  Values out;
  for (const std::string& variable : config.env) {
    const std::size_t equals = variable.find('=');
    out["env " + variable.substr(0, equals)] =
        equals == std::string::npos ? "" : variable.substr(equals + 1);
  }
  const auto words = [&](const char* name, const std::vector<std::string>& list) {
    if (!list.empty()) out[name] = base::join(list, " ");
  };
  words("entrypoint", config.entrypoint);
  words("cmd", config.cmd);
  words("ports", config.exposed_ports);
  words("volumes", config.volumes);
  if (!config.user.empty()) out["user"] = config.user;
  if (!config.working_dir.empty()) out["workdir"] = config.working_dir;
  if (!config.stop_signal.empty()) out["stop signal"] = config.stop_signal;
  out["platform"] = side.config.platform.to_string();
  // Components have a section of their own; digests of lock and spec differ whenever anything does.
  for (const auto& [name, value] : config.labels) {
    if (!name.starts_with(kComponentPrefix) && name != kLockAnnotation && name != kSpecAnnotation) {
      out["label " + name] = value;
    }
  }
  return out;
}

struct Tree {
  Values files;  // path -> "0644 12 B" with content digest behind a tab
  Values packages;
};

// "torch-2.6.0.dist-info" in any site-packages.
void note_python_package(const std::string& path, Values& packages) {
  constexpr std::string_view kSuffix = ".dist-info/METADATA";
  if (!path.ends_with(kSuffix)) return;
  const std::string folder =
      base::base_name(path.substr(0, path.size() - std::string_view("/METADATA").size()));
  const std::string stem = folder.substr(0, folder.size() - std::string_view(".dist-info").size());
  const std::size_t dash = stem.rfind('-');
  if (dash != std::string::npos) packages["python:" + stem.substr(0, dash)] = stem.substr(dash + 1);
}

void note_debian_packages(std::string_view status, Values& packages) {
  std::string name, version;
  const auto flush = [&] {
    if (!name.empty()) packages["deb:" + name] = version;
    name.clear();
    version.clear();
  };
  for (std::string_view line : base::lines(status)) {
    if (line.empty()) flush();
    if (line.starts_with("Package: ")) name = line.substr(9);
    if (line.starts_with("Version: ")) version = line.substr(9);
  }
  flush();
}

bool is_dpkg_status(const std::string& path) {
  return path == "var/lib/dpkg/status" ||
         (path.starts_with("var/lib/dpkg/status.d/") && !path.ends_with(".md5sums"));
}

Result<std::string> content_mark(const archive::TarEntry& entry, archive::TarReader& reader,
                                 Values& packages) {
  constexpr std::size_t kMaximumStatus = 64 << 20;
  if (is_dpkg_status(entry.path)) {
    const std::string text = TRY(base::read_all(reader.content(), kMaximumStatus));
    if (entry.path == "var/lib/dpkg/status") {
      std::erase_if(packages, [](const auto& item) { return item.first.starts_with("deb:"); });
    }
    note_debian_packages(text, packages);
    return base::sha256_hex(text);
  }
  note_python_package(entry.path, packages);
  base::HashingSink hash;
  (void)TRY(base::copy(reader.content(), hash));
  return hash.finish_hex();
}

// image-spec v1.1.1, layer.md "Whiteouts".
void apply_whiteout(const std::string& path, Values& files) {
  const std::string folder = base::parent_path(path);
  const std::string name = base::base_name(path);
  const std::string target =
      name == ".wh..wh..opq" ? folder : base::join_path(folder, name.substr(4));
  std::erase_if(files, [&](const auto& item) {
    return (item.first == target && name != ".wh..wh..opq") || item.first.starts_with(target + "/");
  });
}

Result<> read_layer(const std::string& blob, Tree& tree, std::stop_token stop) {
  base::File file = TRY(base::File::open_read(blob));
  archive::TarReader reader = TRY(archive::TarReader::open(file));
  while (const auto entry = TRY(reader.next())) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (base::base_name(entry->path).starts_with(".wh.")) {
      apply_whiteout(entry->path, tree.files);
      continue;
    }
    using archive::EntryType;
    std::string mark = fmt::format("{:04o}", entry->mode);
    if (entry->uid != 0 || entry->gid != 0) mark += fmt::format(" {}:{}", entry->uid, entry->gid);
    switch (entry->type) {
      case EntryType::file:
        mark += " " + base::human_bytes(entry->size) + "\t" +
                TRY(content_mark(*entry, reader, tree.packages));
        break;
      case EntryType::directory:
        mark += " folder";
        break;
      case EntryType::symlink:
        mark = "link to " + entry->link_target;
        break;
      case EntryType::hard_link:
        mark = "same file as " + entry->link_target;
        break;
      case EntryType::fifo:
      case EntryType::character_device:
      case EntryType::block_device:
        mark += " special file";
        break;
    }
    tree.files[entry->path] = std::move(mark);
  }
  return {};
}

Result<Tree> read_layers(const DiffSide& side, const std::set<oci::Digest>& shared,
                         std::stop_token stop) {
  Tree tree;
  for (const oci::Descriptor& layer : side.manifest.layers) {
    if (shared.contains(layer.digest)) continue;
    TRY(base::with_context(
        read_layer(side.directory + "/blobs/sha256/" + layer.digest.hex(), tree, stop),
        "reading layer " + layer.digest.to_string()));
  }
  return tree;
}

// The content digest is shown only where nothing else tells two files apart.
void shorten_marks(std::vector<Change>& files) {
  for (Change& change : files) {
    const auto split = [](std::string& mark) {
      const std::size_t tab = mark.find('\t');
      std::string digest = tab == std::string::npos ? "" : mark.substr(tab + 1, 12);
      mark.resize(std::min(tab, mark.size()));
      return digest;
    };
    const std::string before = split(change.before);
    const std::string after = split(change.after);
    if (change.before == change.after) {
      change.before += " " + before;
      change.after += " " + after;
    }
  }
}

}  // namespace

Result<ImageDiff> diff_images(const DiffSide& before, const DiffSide& after, std::stop_token stop) {
  std::set<oci::Digest> left, shared;
  for (const oci::Descriptor& layer : before.manifest.layers) left.insert(layer.digest);
  for (const oci::Descriptor& layer : after.manifest.layers) {
    if (left.contains(layer.digest)) shared.insert(layer.digest);
  }
  const Tree old_tree = TRY(read_layers(before, shared, stop));
  const Tree new_tree = TRY(read_layers(after, shared, stop));
  ImageDiff diff;
  diff.components = changes(components_of(before), components_of(after));
  diff.config = changes(config_of(before), config_of(after));
  diff.packages = changes(old_tree.packages, new_tree.packages);
  diff.files = changes(old_tree.files, new_tree.files);
  shorten_marks(diff.files);
  diff.shared_layers = shared.size();
  diff.layers_before = before.manifest.layers.size();
  diff.layers_after = after.manifest.layers.size();
  return diff;
}

}  // namespace imgforge::build
