#include "evidence/purl.h"

#include <fmt/format.h>

#include <string_view>

namespace imgforge::evidence {
namespace {

/// Everything but unreserved characters and ':' is escaped (purl-spec, "Character encoding"); the
/// '/' stays in qualifiers, where it separates nothing.
std::string escaped(std::string_view text, bool keep_slash = false) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '.' || c == '_' || c == '~' || c == ':' ||
                       (keep_slash && c == '/');
    if (plain) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

}  // namespace

std::string to_string(const PackageUrl& url) {
  std::string out = fmt::format("pkg:{}/", url.type);
  if (!url.space.empty()) out += escaped(url.space) + "/";
  out += escaped(url.name);
  if (!url.version.empty()) out += "@" + escaped(url.version);
  char joiner = '?';
  for (const auto& [key, value] : url.qualifiers) {
    if (value.empty()) continue;
    out += fmt::format("{}{}={}", joiner, key, escaped(value, true));
    joiner = '&';
  }
  return out;
}

}  // namespace imgforge::evidence
