#include "layer/unpack.h"

#include <fmt/format.h>

#include <array>
#include <climits>

namespace imgforge::layer {

using archive::EntryType;
using archive::TarEntry;

namespace {

/// The path without its first `count` parts; nullopt when nothing is left.
std::optional<std::string_view> strip_parts(std::string_view path, std::uint64_t count) {
  for (; count > 0; --count) {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    path.remove_prefix(slash + 1);
  }
  if (path.empty()) return std::nullopt;
  return path;
}

const char* type_name(EntryType type) {
  switch (type) {
    case EntryType::fifo:
      return "a named pipe";
    case EntryType::character_device:
      return "a character device";
    case EntryType::block_device:
      return "a block device";
    default:
      return "something special";
  }
}

std::uint32_t file_mode(std::uint32_t found, const UnpackRules& rules) {
  if (!rules.mode) return found & 0777;
  return (found & 0111) != 0 ? *rules.mode | (*rules.mode & 0444) >> 2 : *rules.mode;
}

/// The path under `dest`; nullopt when it is stripped away or left out.
std::optional<std::string> place_path(std::string_view path, const UnpackRules& rules) {
  const auto stripped = strip_parts(path, rules.strip);
  if (!stripped) return std::nullopt;
  if (rules.keep && !rules.keep(*stripped)) return std::nullopt;
  if (!rules.rename) return inside(rules.dest, *stripped);
  const auto renamed = rules.rename(*stripped);
  if (!renamed) return std::nullopt;
  return inside(rules.dest, *renamed);
}

/// Brings one member's header to its place in the layer; nullopt when the rules leave it out.
Result<std::optional<TarEntry>> place_member(TarEntry entry, const UnpackRules& rules,
                                             const std::string& name) {
  const auto stripped = strip_parts(entry.path, rules.strip);
  if (!stripped) return std::nullopt;
  const bool is_folder = entry.type == EntryType::directory;
  if (rules.exclude.matches_within(*stripped, is_folder)) return std::nullopt;
  if (!rules.include.empty() && !rules.include.matches_within(*stripped, is_folder)) {
    return std::nullopt;
  }
  auto path = place_path(entry.path, rules);
  if (!path) return std::nullopt;

  TarEntry placed{.path = *std::move(path),
                  .type = entry.type,
                  .mode = is_folder ? entry.mode & 0777 : file_mode(entry.mode, rules),
                  .uid = rules.owner.uid,
                  .gid = rules.owner.gid,
                  .size = entry.size};
  switch (entry.type) {
    case EntryType::file:
      TRY(refuse_driver_library(placed.path, name));
      break;
    case EntryType::directory:
      break;
    case EntryType::symlink:
      TRY(refuse_driver_library(placed.path, name));
      TRY(check_link(placed.path, entry.link_target, rules.dest, name));
      placed.mode = 0777;
      placed.link_target = std::move(entry.link_target);
      break;
    case EntryType::hard_link: {
      TRY(refuse_driver_library(placed.path, name));
      auto target = place_path(entry.link_target, rules);
      if (!target) {
        return fail(Errc::invalid, fmt::format("{} has the hard link {} to {}, which is left out",
                                               name, entry.path, entry.link_target));
      }
      placed.link_target = *std::move(target);
      break;
    }
    default:
      return fail(Error(Errc::refused, fmt::format("{} has {}, {}, which no layer may contain",
                                                   name, type_name(entry.type), entry.path))
                      .hint("leave it out with `exclude`"));
  }
  return placed;
}

}  // namespace

Result<bool> is_zip(const base::RandomAccess& data) {
  std::array<std::byte, 4> magic{};
  if (data.size() < magic.size()) return false;
  TRY(data.read_at(0, magic));
  const std::string_view text = base::as_text(magic);
  return text == std::string_view("PK\3\4", 4) || text == std::string_view("PK\5\6", 4);
}

Result<> unpack_tar(ReadingPlace& place, std::shared_ptr<const base::RandomAccess> data,
                    const std::string& name, const UnpackRules& rules, TreeEntries& entries,
                    std::stop_token stop) {
  const auto members = ArchiveMembers::create(place, name, [data = std::move(data)] {
    return archive::TarStream::open(std::make_unique<base::RangeSource>(*data, 0, data->size()));
  });
  const auto take = [&](TarEntry entry, TreeEntries::Open content) -> Result<bool> {
    auto placed = TRY(place_member(std::move(entry), rules, name));
    if (!placed) return false;
    const bool has_content = placed->type == EntryType::file && placed->size > 0;
    TRY(has_content ? entries.add(*std::move(placed), std::move(content), name)
                    : entries.add(*std::move(placed), name));
    return has_content;
  };
  return members->index(take, std::move(stop));
}

Result<> unpack_zip(const archive::ZipArchive& zip, const UnpackRules& rules, TreeEntries& entries,
                    std::stop_token stop) {
  for (const archive::ZipEntry& member : zip.entries()) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    TarEntry entry{.path = member.name, .size = member.size};
    const std::uint32_t bits = member.unix_mode & 07777;
    if (member.is_directory) {
      entry.type = EntryType::directory;
      entry.mode = bits != 0 ? bits : 0755;
      entry.size = 0;
    } else if (member.is_symlink) {
      entry.type = EntryType::symlink;
      entry.link_target = TRY(zip.read(member, PATH_MAX));
      entry.size = 0;
    } else {
      entry.mode = bits != 0 ? bits : 0644;
    }
    auto placed = TRY(place_member(std::move(entry), rules, zip.name()));
    if (!placed) continue;
    if (placed->type == EntryType::file) {
      TRY(entries.add_member(std::move(*placed), zip, member, zip.name()));
    } else {
      TRY(entries.add(std::move(*placed), zip.name()));
    }
  }
  return {};
}

}  // namespace imgforge::layer
