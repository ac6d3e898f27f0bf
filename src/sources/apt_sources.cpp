#include "sources/apt_sources.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "base/text.h"
#include "sources/deb822.h"

namespace imgforge::sources {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t start = text.find_first_not_of(" \t\n\r", at);
    if (start == std::string_view::npos) break;
    at = std::min(text.find_first_of(" \t\n\r", start), text.size());
    out.emplace_back(text.substr(start, at - start));
  }
  return out;
}

bool add_url(AptSourceEntry& entry, std::string url) {
  constexpr std::array<std::string_view, 4> kSchemes{"http://", "https://", "file:", "copy:"};
  for (const std::string_view scheme : kSchemes) {
    if (!url.starts_with(scheme)) continue;
    while (url.ends_with('/')) url.pop_back();
    entry.urls.push_back(std::move(url));
    return true;
  }
  return false;  // cdrom:, mirror+file: and the like cannot be asked by others
}

bool says_no(std::string_view value) {
  const std::string lower = base::to_lower(value);
  return lower == "no" || lower == "false" || lower == "without" || lower == "off" ||
         lower == "disable" || lower == "0";
}

// "[arch=amd64 signed-by=/x]" stands between the type and the URL.
std::vector<std::string> take_options(std::string_view& line) {
  line = base::trim(line);
  if (!line.starts_with('[')) return {};
  const std::size_t end = line.find(']');
  if (end == std::string_view::npos) return {};
  auto options = words(line.substr(1, end - 1));
  line = base::trim(line.substr(end + 1));
  return options;
}

}  // namespace

std::vector<AptSourceEntry> parse_deb822_sources(std::string_view text) {
  std::vector<AptSourceEntry> entries;
  base::TextSource source(text);
  ParagraphReader reader(source);
  for (;;) {
    const auto paragraph = reader.next();
    if (!paragraph || !*paragraph) return entries;
    const auto field = [&](std::string_view name) {
      return deb822_field(**paragraph, name).value_or("");
    };
    const auto types = words(field("Types"));
    if (std::find(types.begin(), types.end(), "deb") == types.end()) continue;
    if (says_no(field("Enabled"))) continue;
    AptSourceEntry entry;
    for (std::string& url : words(field("URIs"))) add_url(entry, std::move(url));
    if (entry.urls.empty()) continue;
    entry.suites = words(field("Suites"));
    entry.signed_by = std::string(base::trim(field("Signed-By")));
    entries.push_back(std::move(entry));
  }
}

std::vector<AptSourceEntry> parse_one_line_sources(std::string_view text) {
  std::vector<AptSourceEntry> entries;
  for (std::string_view line : base::lines(text)) {
    line = base::trim(line.substr(0, line.find('#')));
    if (!line.starts_with("deb ") && !line.starts_with("deb\t")) continue;
    line.remove_prefix(4);
    AptSourceEntry entry;
    for (const std::string& option : take_options(line)) {
      if (option.starts_with("signed-by=")) entry.signed_by = option.substr(10);
    }
    const auto parts = words(line);
    if (parts.size() < 2 || !add_url(entry, parts[0])) continue;
    entry.suites.push_back(parts[1]);
    entries.push_back(std::move(entry));
  }
  return entries;
}

Result<std::vector<AptSourceEntry>> read_apt_sources(const std::string& apt_directory) {
  std::vector<AptSourceEntry> entries;
  const auto add_file = [&](const std::string& path) -> Result<> {
    const std::string text = TRY(base::read_file(path));
    for (AptSourceEntry& entry :
         path.ends_with(".sources") ? parse_deb822_sources(text) : parse_one_line_sources(text)) {
      entries.push_back(std::move(entry));
    }
    return {};
  };
  const std::string main_list = base::join_path(apt_directory, "sources.list");
  if (base::exists(main_list)) TRY(add_file(main_list));
  const std::string parts = base::join_path(apt_directory, "sources.list.d");
  if (base::is_directory(parts)) {
    for (const std::string& name : TRY(base::list_directory(parts))) {
      if (name.ends_with(".list") || name.ends_with(".sources")) {
        TRY(add_file(base::join_path(parts, name)));
      }
    }
  }
  return entries;
}

std::string archive_role(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::size_t scheme = url.find("://");
  const std::size_t slash = url.rfind('/');
  if (slash == std::string_view::npos || (scheme != std::string_view::npos && slash < scheme + 3)) {
    return {};
  }
  return std::string(url.substr(slash + 1));
}

}  // namespace imgforge::sources
