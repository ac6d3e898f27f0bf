#include "harbor/paging.h"

#include <fmt/format.h>

namespace imgforge::harbor {
namespace {

std::string page(const std::string& path, std::size_t number) {
  return fmt::format("{}{}page={}&page_size={}", path,
                     path.find('?') == std::string::npos ? '?' : '&', number, kPageSize);
}

}  // namespace

std::string first_page(const std::string& path) { return page(path, 1); }

bool has_next_link(const http::Headers& headers) {
  for (const std::string& link : headers.all("Link")) {
    // Parameters stand outside <...>; what is inside may have any text.
    bool inside = false;
    std::string parameters;
    for (const char c : link) {
      if (c == '<') inside = true;
      if (!inside && c != '"' && c != ' ') parameters += c;
      if (c == '>') inside = false;
    }
    const auto found = parameters.find(";rel=next");
    if (found == std::string::npos) continue;
    const std::size_t end = found + std::string_view(";rel=next").size();
    if (end == parameters.size() || parameters[end] == ',' || parameters[end] == ';') return true;
  }
  return false;
}

std::string next_page(const std::string& path, const http::Headers& headers, std::size_t pages) {
  const bool more = headers.get("Link")
                        ? has_next_link(headers)
                        : headers.number("X-Total-Count").value_or(0) > pages * kPageSize;
  return more ? page(path, pages + 1) : std::string();
}

}  // namespace imgforge::harbor
