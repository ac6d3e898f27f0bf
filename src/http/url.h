// The few things that are asked of a URL without sending it: what may be shown, where it leads, how
// a path is appended. Parsing is libcurl's.
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::http {

/// For messages: without user, password, query and fragment; text that is no URL becomes "(an
/// address that cannot be shown)".
std::string redacted(const std::string& url);

struct Endpoint {
  std::string scheme;  // lower case
  std::string host;    // lower case
  std::string port;    // with the scheme's default filled in
  bool operator==(const Endpoint&) const = default;
};
Result<Endpoint> endpoint(const std::string& url);

/// `reference` as seen from the document at `base` (RFC 3986 section 5).
Result<std::string> resolve(const std::string& base, const std::string& reference);

/// `url` with the user and password of `from`, if both have the same endpoint and `url` has none.
std::string with_credentials_of(const std::string& from, const std::string& url);

/// Appends path segments: everything but unreserved characters, '/' and a few harmless
/// sub-delimiters is percent-encoded ("libc6_2.36-9+deb12u1" becomes "libc6_2.36-9%2Bdeb12u1").
std::string append_path(std::string_view base, std::string_view path);
/// Percent-decoding; malformed sequences stay as they are.
std::string percent_decode(std::string_view text);
/// The decoded last segment of the URL's path.
std::string file_name(const std::string& url);

}  // namespace imgforge::http
