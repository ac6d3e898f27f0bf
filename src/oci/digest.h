// The name of content: "sha256:" and 64 lower-case hex digits (image-spec v1.1.1, descriptor.md
// "Digests"). A Digest that exists is well-formed.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::oci {

class Digest {
 public:
  /// Exactly the canonical form; sha512 is Errc::unsupported, anything else Errc::invalid.
  static Result<Digest> parse(std::string_view text);
  /// From 64 hex digits that our own hasher made (checked; Errc::internal otherwise).
  static Result<Digest> from_sha256_hex(std::string_view hex);
  /// Hashes `content`: for documents and key material.
  static Digest of(std::string_view content);

  std::string to_string() const { return "sha256:" + hex_; }
  const std::string& hex() const { return hex_; }
  /// The first 12 digits, for people.
  std::string short_hex() const { return hex_.substr(0, 12); }
  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

}  // namespace imgforge::oci

template <>
struct std::hash<imgforge::oci::Digest> {
  std::size_t operator()(const imgforge::oci::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.hex());
  }
};
