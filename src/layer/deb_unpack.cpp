#include "layer/deb_unpack.h"

#include <fmt/format.h>

#include <array>

#include "base/text.h"
#include "layer/file_rules.h"

namespace imgforge::layer {

using archive::EntryType;
using archive::TarEntry;

namespace {

// Folders that only people on a terminal read.
constexpr std::array<std::string_view, 5> kDocumentation = {
    "usr/share/man", "usr/share/info", "usr/share/lintian", "usr/share/doc-base",
    "usr/share/linda"};
constexpr std::string_view kDocs = "usr/share/doc";

bool is_within(std::string_view path, std::string_view folder) {
  return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

/// "activate-noawait ldconfig": all that unpacking cannot do, and the finalize layer does.
bool is_ldconfig(std::string_view line) {
  const auto words = base::split(line, ' ');
  return words.size() == 2 && words[0].starts_with("activate") && words[1] == "ldconfig";
}

}  // namespace

Result<> check_unpackable(const std::string& package, const archive::DebControl& control) {
  std::string has;
  if (!control.scripts.empty()) {
    has = fmt::format("the maintainer script{} {}", control.scripts.size() == 1 ? "" : "s",
                      base::join(control.scripts, ", "));
  } else if (!control.conffiles.empty()) {
    has = fmt::format("the configuration file {}", control.conffiles.front());
  } else {
    for (const std::string_view raw : base::lines(control.triggers)) {
      const std::string_view line = base::trim(raw.substr(0, raw.find('#')));
      if (line.empty() || is_ldconfig(line)) continue;
      has = fmt::format("the trigger \"{}\"", line);
      break;
    }
  }
  if (has.empty()) return {};
  return fail(
      Error(Errc::refused,
            fmt::format("the package {} has {}: unpacking it would not install it", package, has))
          .hint("install it with `kind: apt`; if it is a dependency only, put it into the "
                "layer below"));
}

std::optional<std::string> place_in_layer(std::string_view path) {
  static constexpr std::array<std::string_view, 4> kMerged = {"bin", "sbin", "lib", "lib64"};
  std::string placed(path);
  for (const std::string_view folder : kMerged) {
    if (is_within(path, folder)) placed = fmt::format("usr/{}", path);
  }
  for (const std::string_view folder : kDocumentation) {
    if (is_within(placed, folder)) return std::nullopt;
  }
  if (is_within(placed, kDocs)) {
    // usr/share/doc/PACKAGE, or a link of that name to another package's, and its copyright.
    const auto parts = base::split(placed, '/');
    const bool stays = parts.size() <= 4 || (parts.size() == 5 && parts[4] == "copyright");
    if (!stays) return std::nullopt;
  }
  return placed;
}

std::string status_text(const std::string& control) {
  std::string text;
  bool stated = false;
  for (const std::string_view line : base::lines(control)) {
    if (line.starts_with("Status:")) continue;
    text += line;
    text += '\n';
    if (!stated && line.starts_with("Package:")) {
      text += "Status: install ok installed\n";
      stated = true;
    }
  }
  return text;
}

std::string placed_md5sums(const std::string& md5sums) {
  std::string text;
  for (const std::string_view line : base::lines(md5sums)) {
    if (line.size() < 35) continue;  // 32 digits, two spaces, a path
    const auto path = archive::normal_path(line.substr(34));
    if (!path) continue;
    const auto placed = place_in_layer(*path);
    if (placed) text += fmt::format("{}  {}\n", line.substr(0, 32), *placed);
  }
  return text;
}

Result<> unpack_deb(ReadingPlace& place, std::shared_ptr<const base::RandomAccess> deb,
                    const std::string& package, TreeEntries& entries, std::stop_token stop) {
  const auto control = TRY(archive::read_deb_control(*deb, package));
  TRY(check_unpackable(package, control));
  const auto take = [&](TarEntry moved, TreeEntries::Open content) -> Result<bool> {
    if (moved.path.empty()) return false;
    const auto placed = place_in_layer(moved.path);
    if (!placed) return false;
    const std::string named = moved.path;
    moved.path = *placed;
    moved.xattrs.clear();
    switch (moved.type) {
      case EntryType::directory:
        break;
      case EntryType::symlink:
        TRY(check_link(moved.path, moved.link_target, "", package));
        [[fallthrough]];
      case EntryType::file:
        TRY(refuse_driver_library(moved.path, package));
        break;
      case EntryType::hard_link: {
        auto target = place_in_layer(moved.link_target);
        if (!target) {
          return fail(
              Errc::unsupported,
              fmt::format("{} has the hard link {} into its documentation", package, named));
        }
        moved.link_target = *std::move(target);
        break;
      }
      default:
        return fail(Errc::refused, fmt::format("{} has the device or pipe {}, which no layer may "
                                               "contain",
                                               package, named));
    }
    const bool has_content = moved.type == EntryType::file && moved.size > 0;
    TRY(has_content ? entries.add(std::move(moved), std::move(content), package)
                    : entries.add(std::move(moved), package));
    return has_content;
  };
  const auto members = ArchiveMembers::create(
      place, package, [deb, package] { return archive::open_deb_data(*deb, package); });
  TRY(members->index(take, std::move(stop)));
  const std::string record = fmt::format("var/lib/dpkg/status.d/{}", package);
  TRY(entries.add_text(record, status_text(control.control), package));
  return entries.add_text(record + ".md5sums", placed_md5sums(control.md5sums), package);
}

}  // namespace imgforge::layer
