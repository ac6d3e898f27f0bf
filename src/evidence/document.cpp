#include "evidence/document.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/sha256.h"
#include "base/text.h"
#include "evidence/purl.h"

namespace imgforge::evidence {

std::string uuid_of(const Image& image, std::string_view purpose) {
  std::string hex = base::sha256_hex(fmt::format("{}\n{}", purpose, purl_of(image)));
  hex[12] = '8';                          // version: defined by us
  hex[16] = "89ab"[(hex[16] - '0') & 3];  // variant: 10xx
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20, 12));
}

std::string purl_of(const Image& image) {
  return to_string({.type = "oci",
                    .name = base::to_lower(base::base_name(image.name)),
                    .version = image.manifest.digest.to_string(),
                    .qualifiers = {{"arch", image.platform.architecture},
                                   {"repository_url", image.repository},
                                   {"tag", image.tag}}});
}

std::string web_address(std::string_view text) {
  text = base::trim(text);
  std::string_view rest = text;
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (rest.starts_with(scheme)) rest.remove_prefix(scheme.size());
  }
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  const bool fits = rest.size() < text.size() && host.find('.') != std::string_view::npos &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return c > ' ' && c < '\x7f' &&
                             std::string_view("<>\"{}|\\^`[]").find(c) == std::string_view::npos;
                    });
  return fits ? std::string(text) : std::string();
}

std::string mail_address(std::string_view text) {
  const std::size_t at = text.find('@');
  const bool fits = at != std::string_view::npos && at > 0 && at == text.rfind('@') &&
                    text.find('.', at) != std::string_view::npos && !text.ends_with('.') &&
                    std::all_of(text.begin(), text.end(), [](char c) {
                      return c > ' ' && c < '\x7f' &&
                             std::string_view("()<>[]:;,\"\\").find(c) == std::string_view::npos;
                    });
  return fits ? std::string(text) : std::string();
}

std::string plain_name(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool control = (c >= 0 && c < ' ') || c == '\x7f';
    const bool blank = control || c == ' ' || c == '(' || c == ')';
    if (!blank) {
      out += c;
    } else if (!out.empty() && out.back() != ' ') {
      out += ' ';
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

std::string layer_name(const ImageLayer& layer) {
  return layer.id.empty() ? layer.blob.digest.short_hex() : layer.id;
}

}  // namespace imgforge::evidence
