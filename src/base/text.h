// Small text functions that more than one room needs. ASCII and byte-wise; independent of the
// locale.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace imgforge::base {

std::string to_hex(Bytes bytes);
/// Lower- or upper-case digits, even length; nullopt otherwise.
std::optional<std::string> from_hex(std::string_view hex);

/// RFC 4648 section 4, with padding.
std::string to_base64(Bytes bytes);
/// RFC 4648 section 5 without padding, as wheel RECORD files and JWS use it.
std::string to_base64url(Bytes bytes);
/// Accepts both alphabets, with or without padding; nullopt for anything else.
std::optional<std::string> from_base64(std::string_view text);

/// Splits at every `separator`; an empty text gives one empty part.
std::vector<std::string_view> split(std::string_view text, char separator);
/// Without a trailing '\r' and '\n' per line; no empty part after a final newline.
std::vector<std::string_view> lines(std::string_view text);
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
std::string join(const std::vector<std::string>& parts, std::string_view separator);
std::string replace_all(std::string text, std::string_view from, std::string_view to);

/// Decimal digits only, whole text.
std::optional<std::uint64_t> parse_uint(std::string_view text);

/// The candidate with the smallest edit distance to `name`, if it is near enough to be a slip.
std::optional<std::string> nearest(std::string_view name,
                                   std::span<const std::string_view> candidates);

/// "3.1 GB", "512 B": decimal units, one digit after the point from kB on.
std::string human_bytes(std::uint64_t bytes);

/// Shell quoting for commands that are shown to people to be copied.
std::string shell_quote(std::string_view word);

}  // namespace imgforge::base
