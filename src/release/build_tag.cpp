#include "release/build_tag.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "base/text.h"

namespace imgforge::release {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

// digits { "." digits }
bool is_version(std::string_view text) {
  if (text.empty() || !is_digit(text.front()) || !is_digit(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!is_digit(text[i]) && (text[i] != '.' || text[i - 1] == '.')) return false;
  }
  return true;
}

bool is_minor(std::string_view text) {
  return is_version(text) && std::count(text.begin(), text.end(), '.') <= 1;
}

bool is_os(std::string_view text) {
  // Words that open another part are taken: "pytorch2.6" is no operating system.
  for (std::string_view taken : {"pytorch", "cuda", "py", "v"}) {
    if (text.starts_with(taken) && is_version(text.substr(taken.size()))) return false;
  }
  const auto digit = std::find_if(text.begin(), text.end(), is_digit);
  const auto letters = static_cast<std::size_t>(digit - text.begin());
  return letters > 0 && std::all_of(text.begin(), digit, is_lower) &&
         is_version(text.substr(letters));
}

constexpr std::array<std::string_view, 4> kArchitectures = {"amd64", "arm64", "ppc64le", "riscv64"};

bool is_arch(std::string_view text) {
  return std::find(kArchitectures.begin(), kArchitectures.end(), text) != kArchitectures.end();
}

// A part of the form PREFIX minor, without its prefix; nullopt when it is something else.
std::optional<std::string> prefixed(std::string_view part, std::string_view prefix) {
  if (!part.starts_with(prefix) || !is_minor(part.substr(prefix.size()))) return std::nullopt;
  return std::string(part.substr(prefix.size()));
}

Error not_a_tag(std::string_view text, std::string_view why) {
  return Error(Errc::invalid, fmt::format("'{}' is not a build tag: {}", text, why))
      .hint("a build tag looks like pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1");
}

}  // namespace

std::string minor_version(std::string_view version) {
  const auto is_version_char = [](char c) { return is_digit(c) || c == '.'; };
  const auto end = std::find_if_not(version.begin(), version.end(), is_version_char);
  const auto parts =
      base::split(version.substr(0, static_cast<std::size_t>(end - version.begin())), '.');
  std::string out(parts[0]);
  if (parts.size() > 1 && !parts[1].empty()) out += "." + std::string(parts[1]);
  return out;
}

bool is_build_id(std::string_view text) {
  if (text.size() < 2 || text.size() > 64 || text[0] != 'v' || !is_digit(text[1])) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_';
  });
}

Result<BuildTag> BuildTag::make(TagParts parts) {
  for (std::string* version : {&parts.pytorch, &parts.cuda, &parts.python}) {
    if (version->empty()) continue;
    *version = minor_version(*version);
    if (!is_minor(*version)) {
      return fail(Errc::invalid, fmt::format("'{}' is not a version for a build tag", *version));
    }
  }
  if (!parts.os.empty() && !is_os(parts.os)) {
    return fail(Errc::invalid,
                fmt::format("'{}' is not an operating system for a build tag", parts.os));
  }
  if (!parts.arch.empty() && !is_arch(parts.arch)) {
    return fail(Errc::invalid,
                fmt::format("'{}' is not an architecture for a build tag", parts.arch));
  }
  if (!is_build_id(parts.build)) {
    return fail(Error(Errc::invalid, fmt::format("'{}' is not a build id", parts.build))
                    .hint("a build id is 'v', a digit, then letters, digits, '.' or '_': v2.6.1"));
  }
  BuildTag tag(std::move(parts));
  constexpr std::size_t kMaximumTag = 128;  // distribution-spec v1.1.1, tag grammar
  if (tag.to_string().size() > kMaximumTag) {
    return fail(Errc::invalid, fmt::format("the build tag {} is longer than {} characters",
                                           tag.to_string(), kMaximumTag));
  }
  return tag;
}

Result<BuildTag> BuildTag::parse(std::string_view text) {
  const auto words = base::split(text, '-');
  TagParts parts;
  std::size_t at = 0;
  const auto more = [&] { return at + 1 < words.size(); };
  const auto take = [&](std::string& into, std::optional<std::string> value) {
    if (!value) return;
    into = std::move(*value);
    ++at;
  };
  if (more()) take(parts.pytorch, prefixed(words[at], "pytorch"));
  if (more()) take(parts.cuda, prefixed(words[at], "cuda"));
  if (more() && is_os(words[at]) && !is_arch(words[at])) {
    parts.os = std::string(words[at++]);
  }
  if (more()) take(parts.python, prefixed(words[at], "py"));
  if (more() && is_arch(words[at])) parts.arch = std::string(words[at++]);
  if (more()) return fail(not_a_tag(text, fmt::format("'{}' is not understood", words[at])));
  if (!is_build_id(words[at])) {
    return fail(not_a_tag(text, fmt::format("it ends with '{}', not with a build id", words[at])));
  }
  parts.build = std::string(words[at]);
  return make(std::move(parts));
}

std::string BuildTag::to_string() const {
  std::string out;
  if (!parts_.pytorch.empty()) out += "pytorch" + parts_.pytorch + "-";
  if (!parts_.cuda.empty()) out += "cuda" + parts_.cuda + "-";
  if (!parts_.os.empty()) out += parts_.os + "-";
  if (!parts_.python.empty()) out += "py" + parts_.python + "-";
  if (!parts_.arch.empty()) out += parts_.arch + "-";
  return out + parts_.build;
}

bool looks_like_build_tag(std::string_view text) { return BuildTag::parse(text).has_value(); }

}  // namespace imgforge::release
