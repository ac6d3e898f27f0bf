#include "oci/digest.h"

#include <algorithm>

#include "base/sha256.h"

namespace imgforge::oci {
namespace {

constexpr std::string_view kPrefix = "sha256:";
constexpr std::size_t kHexDigits = 64;

bool is_sha256_hex(std::string_view text) {
  return text.size() == kHexDigits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

/// What is quoted of a wrong value: all of it when short, since it may be a whole document.
std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 100;
  return "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "..." : "") + "\"";
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  if (text.starts_with("sha512:")) {
    return fail(Error(Errc::unsupported, quoted(text) + " is a SHA-512 digest")
                    .hint("use content that is named by its SHA-256 digest"));
  }
  if (!text.starts_with(kPrefix) || !is_sha256_hex(text.substr(kPrefix.size()))) {
    return fail(Error(Errc::invalid, quoted(text) + " is not a digest")
                    .hint("a digest is sha256: and 64 lower-case hex digits"));
  }
  return Digest(std::string(text.substr(kPrefix.size())));
}

Result<Digest> Digest::from_sha256_hex(std::string_view hex) {
  if (!is_sha256_hex(hex)) {
    return fail(Errc::internal, quoted(hex) + " is not 64 lower-case hex digits");
  }
  return Digest(std::string(hex));
}

Digest Digest::of(std::string_view content) { return Digest(base::sha256_hex(content)); }

}  // namespace imgforge::oci
