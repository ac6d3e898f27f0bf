#include "sources/project_index.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/json.h"
#include "base/text.h"
#include "http/url.h"

namespace imgforge::sources {
namespace {

constexpr std::size_t kLargestPage = 64 << 20;  // nightly indexes list tens of thousands of files

std::string unescaped(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t amp = text.find('&');
    out += text.substr(0, amp);
    if (amp == std::string_view::npos) break;
    text.remove_prefix(amp);
    const std::size_t end = text.find(';');
    const std::string_view name =
        end == std::string_view::npos || end > 10 ? std::string_view() : text.substr(1, end - 1);
    constexpr std::array<std::pair<std::string_view, char>, 5> kNames{
        {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}}};
    std::optional<char> c;
    for (const auto& [known, value] : kNames) {
      if (name == known) c = value;
    }
    if (name.starts_with('#')) {
      if (const auto code = base::parse_uint(name.substr(1)); code && *code < 128) {
        c = static_cast<char>(*code);
      } else if (name.size() == 4 && (name[1] == 'x' || name[1] == 'X')) {
        if (const auto byte = base::from_hex(name.substr(2)); byte && (*byte)[0] >= 0) {
          c = (*byte)[0];
        }
      }
    }
    out += c ? *c : '&';
    text.remove_prefix(c ? name.size() + 2 : 1);
  }
  return out;
}

// The value of one attribute of a tag's inside ("a href='x' data-y"), with entities replaced.
std::optional<std::string> attribute(std::string_view tag, std::string_view wanted) {
  constexpr std::string_view kBlank = " \t\r\n\f";
  std::size_t at = std::min(tag.find_first_of(kBlank), tag.size());
  while (at < tag.size()) {
    at = tag.find_first_not_of(" \t\r\n\f/", at);
    if (at == std::string_view::npos) break;
    const std::size_t name_end = std::min(tag.find_first_of("= \t\r\n\f", at), tag.size());
    const std::string_view name = tag.substr(at, name_end - at);
    std::string_view value;
    at = std::min(tag.find_first_not_of(kBlank, name_end), tag.size());
    if (at < tag.size() && tag[at] == '=') {
      at = std::min(tag.find_first_not_of(kBlank, at + 1), tag.size());
      if (at < tag.size() && (tag[at] == '"' || tag[at] == '\'')) {
        const std::size_t end = std::min(tag.find(tag[at], at + 1), tag.size());
        value = tag.substr(at + 1, end - at - 1);
        at = end + 1;
      } else {
        const std::size_t end = std::min(tag.find_first_of(kBlank, at), tag.size());
        value = tag.substr(at, end - at);
        at = end;
      }
    } else if (name.empty()) {
      ++at;
    }
    if (http::same_name(name, wanted)) return unescaped(value);
  }
  return std::nullopt;
}

// Splits "…/x.whl#sha256=HEX" and makes the address absolute.
std::optional<IndexFile> file_of(const std::string& reference, const std::string& page_url) {
  auto absolute = http::resolve(page_url, reference);
  if (!absolute) return std::nullopt;
  IndexFile file;
  const std::size_t hash = absolute->find('#');
  if (hash != std::string::npos) {
    const std::string_view fragment = std::string_view(*absolute).substr(hash + 1);
    for (const std::string_view part : base::split(fragment, '&')) {
      if (part.starts_with("sha256=")) file.sha256 = base::to_lower(part.substr(7));
    }
    absolute->resize(hash);
  }
  file.url = http::with_credentials_of(page_url, *absolute);
  file.name = http::file_name(*absolute);
  if (file.name.empty()) return std::nullopt;
  return file;
}

}  // namespace

Result<std::vector<IndexFile>> parse_project_json(std::string_view text,
                                                  const std::string& page_url) {
  const base::Json page = TRY(base::parse_json(text, "the index page " + http::redacted(page_url)));
  std::vector<IndexFile> files;
  if (!page.is_object() || !page.contains("files") || !page["files"].is_array()) {
    return fail(Errc::protocol,
                "the index page " + http::redacted(page_url) + " does not list files");
  }
  for (const base::Json& entry : page["files"]) {
    if (!entry.is_object() || !entry.contains("url") || !entry["url"].is_string()) continue;
    auto file = file_of(entry["url"].get<std::string>(), page_url);
    if (!file) continue;
    if (entry.contains("filename") && entry["filename"].is_string()) {
      file->name = entry["filename"].get<std::string>();
    }
    if (entry.contains("hashes") && entry["hashes"].is_object() &&
        entry["hashes"].contains("sha256") && entry["hashes"]["sha256"].is_string()) {
      file->sha256 = base::to_lower(entry["hashes"]["sha256"].get<std::string>());
    }
    if (entry.contains("size") && entry["size"].is_number_unsigned()) {
      file->size = entry["size"].get<std::uint64_t>();
    }
    files.push_back(std::move(*file));
  }
  return files;
}

std::vector<IndexFile> parse_project_html(std::string_view text, const std::string& page_url) {
  std::vector<IndexFile> files;
  std::string base_url = page_url;
  std::size_t at = 0;
  while ((at = text.find('<', at)) != std::string_view::npos) {
    if (text.substr(at).starts_with("<!--")) {
      at = std::min(text.find("-->", at), text.size() - 1) + 1;
      continue;
    }
    const std::size_t end = text.find('>', at);
    if (end == std::string_view::npos) break;
    const std::string_view tag = text.substr(at + 1, end - at - 1);
    at = end + 1;
    const std::string_view name = tag.substr(0, tag.find_first_of(" \t\r\n\f"));
    if (http::same_name(name, "base")) {
      if (const auto href = attribute(tag, "href")) {
        if (auto resolved = http::resolve(page_url, *href)) base_url = std::move(*resolved);
      }
    } else if (http::same_name(name, "a")) {
      const auto href = attribute(tag, "href");
      if (!href) continue;
      if (auto file = file_of(*href, base_url)) files.push_back(std::move(*file));
    }
  }
  return files;
}

Result<std::vector<IndexFile>> fetch_project_page(http::Client& client,
                                                  const std::string& index_url,
                                                  const std::string& project,
                                                  std::stop_token stop) {
  const http::Headers accept{
      {"Accept",
       "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, "
       "text/html;q=0.1"}};
  const http::Document page = TRY(http::get_document(
      client, http::append_path(index_url, project) + "/", accept, kLargestPage, stop));
  const bool is_json = page.content_type.find("json") != std::string::npos;
  return is_json ? parse_project_json(page.body, page.url)
                 : Result<std::vector<IndexFile>>(parse_project_html(page.body, page.url));
}

}  // namespace imgforge::sources
