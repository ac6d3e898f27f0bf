#include "http/url.h"

#include <curl/curl.h>

#include <memory>

#include "base/text.h"

namespace imgforge::http {
namespace {

struct UrlCleanup {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using UrlHandle = std::unique_ptr<CURLU, UrlCleanup>;

UrlHandle parsed(const std::string& url) {
  UrlHandle handle(curl_url());
  if (handle && curl_url_set(handle.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK) {
    return handle;
  }
  return nullptr;
}

std::string part(const UrlHandle& handle, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(handle.get(), which, &text, flags) != CURLUE_OK || text == nullptr) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

}  // namespace

std::string redacted(const std::string& url) {
  const UrlHandle handle = parsed(url);
  if (!handle) return "(an address that cannot be shown)";
  for (const CURLUPart secret : {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
                                 CURLUPART_QUERY, CURLUPART_FRAGMENT}) {
    curl_url_set(handle.get(), secret, nullptr, 0);
  }
  return part(handle, CURLUPART_URL);
}

Result<Endpoint> endpoint(const std::string& url) {
  const UrlHandle handle = parsed(url);
  if (!handle) return fail(Errc::invalid, redacted(url) + " is not a valid URL");
  return Endpoint{base::to_lower(part(handle, CURLUPART_SCHEME)),
                  base::to_lower(part(handle, CURLUPART_HOST)),
                  part(handle, CURLUPART_PORT, CURLU_DEFAULT_PORT)};
}

Result<std::string> resolve(const std::string& base, const std::string& reference) {
  const UrlHandle handle = parsed(base);
  if (!handle) return fail(Errc::invalid, redacted(base) + " is not a valid URL");
  if (curl_url_set(handle.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK) {
    return fail(Errc::protocol, redacted(base) + " refers to something that is not a valid URL");
  }
  return part(handle, CURLUPART_URL);
}

std::string with_credentials_of(const std::string& from, const std::string& url) {
  const UrlHandle source = parsed(from), target = parsed(url);
  if (!source || !target || part(source, CURLUPART_USER).empty() ||
      !part(target, CURLUPART_USER).empty()) {
    return url;
  }
  const auto a = endpoint(from), b = endpoint(url);
  if (!a || !b || !(*a == *b)) return url;
  curl_url_set(target.get(), CURLUPART_USER, part(source, CURLUPART_USER).c_str(), 0);
  if (const std::string password = part(source, CURLUPART_PASSWORD); !password.empty()) {
    curl_url_set(target.get(), CURLUPART_PASSWORD, password.c_str(), 0);
  }
  return part(target, CURLUPART_URL);
}

std::string append_path(std::string_view base, std::string_view path) {
  constexpr std::string_view kPlain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/!$'()*,:@";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out(base);
  while (out.ends_with('/')) out.pop_back();
  out += '/';
  while (path.starts_with('/')) path.remove_prefix(1);
  for (const char c : path) {
    if (kPlain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto value = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[value >> 4];
      out += kHex[value & 15];
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      if (const auto byte = base::from_hex(text.substr(i + 1, 2))) {
        out += *byte;
        i += 2;
        continue;
      }
    }
    out += text[i];
  }
  return out;
}

std::string file_name(const std::string& url) {
  const UrlHandle handle = parsed(url);
  if (!handle) return {};
  const std::string path = part(handle, CURLUPART_PATH);
  return percent_decode(std::string_view(path).substr(path.rfind('/') + 1));
}

}  // namespace imgforge::http
