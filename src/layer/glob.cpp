#include "layer/glob.h"

#include <fmt/format.h>

#include <array>

namespace imgforge::layer {

namespace {

using Set = std::bitset<256>;

struct NamedClass {
  std::string_view name;
  bool (*holds)(unsigned char);
};

bool is_upper(unsigned char c) { return c >= 'A' && c <= 'Z'; }
bool is_lower(unsigned char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
bool is_alpha(unsigned char c) { return is_upper(c) || is_lower(c); }
bool is_graph(unsigned char c) { return c > 0x20 && c < 0x7f; }

// ASCII's classes, whatever the locale.
constexpr NamedClass kClasses[] = {
    {"alnum", [](unsigned char c) { return is_alpha(c) || is_digit(c); }},
    {"alpha", is_alpha},
    {"blank", [](unsigned char c) { return c == ' ' || c == '\t'; }},
    {"cntrl", [](unsigned char c) { return c < 0x20 || c == 0x7f; }},
    {"digit", is_digit},
    {"graph", is_graph},
    {"lower", is_lower},
    {"print", [](unsigned char c) { return c >= 0x20 && c < 0x7f; }},
    {"punct", [](unsigned char c) { return is_graph(c) && !is_alpha(c) && !is_digit(c); }},
    {"space", [](unsigned char c) { return c == ' ' || (c >= 9 && c <= 13); }},
    {"upper", is_upper},
    {"xdigit",
     [](unsigned char c) {
       return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
     }},
};

Error bad_pattern(std::string_view pattern, std::string_view why) {
  return Error(Errc::invalid, fmt::format("the pattern \"{}\" can match nothing: {}", pattern, why))
      .hint("put a \\ before a character that is meant literally");
}

// Reads a bracket expression; `at` stands after "[" and ends after "]".
Result<Set> parse_set(std::string_view pattern, std::size_t& at) {
  const auto unclosed = [&] { return fail(bad_pattern(pattern, "its \"[\" is not closed")); };
  Set set;
  const bool negated = at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^');
  if (negated) ++at;
  int previous = -1;  // a byte that may begin a range
  for (bool first = true;; first = false) {
    if (at >= pattern.size()) return unclosed();
    auto c = static_cast<unsigned char>(pattern[at++]);
    if (c == ']' && !first) break;
    if (c == '[' && at < pattern.size() && pattern[at] == ':') {
      const std::size_t end = pattern.find(":]", at + 1);
      if (end == std::string_view::npos) return unclosed();
      const std::string_view name = pattern.substr(at + 1, end - at - 1);
      const NamedClass* found = nullptr;
      for (const NamedClass& one : kClasses) {
        if (one.name == name) found = &one;
      }
      if (found == nullptr) {
        return fail(bad_pattern(pattern, fmt::format("there is no class [:{}:]", name)));
      }
      for (unsigned i = 0; i < 256; ++i) {
        if (found->holds(static_cast<unsigned char>(i))) set.set(i);
      }
      at = end + 2;
      previous = -1;
      continue;
    }
    if (c == '-' && previous >= 0 && at < pattern.size() && pattern[at] != ']') {
      auto last = static_cast<unsigned char>(pattern[at++]);
      if (last == '\\') {
        if (at >= pattern.size()) return unclosed();
        last = static_cast<unsigned char>(pattern[at++]);
      }
      for (int i = previous; i <= last; ++i) set.set(static_cast<std::size_t>(i));
      previous = -1;
      continue;
    }
    if (c == '\\') {
      if (at >= pattern.size()) return unclosed();
      c = static_cast<unsigned char>(pattern[at++]);
    }
    set.set(c);
    previous = c;
  }
  if (negated) set.flip();
  set.reset('/');  // no wildcard matches the separator
  return set;
}

std::string_view without_trailing_spaces(std::string_view text) {
  while (text.ends_with(' ')) {
    std::size_t backslashes = 0;
    while (backslashes + 1 < text.size() && text[text.size() - 2 - backslashes] == '\\') {
      ++backslashes;
    }
    if (backslashes % 2 == 1) break;
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

Result<Glob> Glob::parse(std::string_view pattern) {
  const std::string_view whole = pattern;
  pattern = without_trailing_spaces(pattern);
  Glob glob;
  if (pattern.ends_with('/')) {
    glob.directories_only_ = true;
    pattern.remove_suffix(1);
  }
  if (pattern.empty()) return fail(bad_pattern(whole, "it is empty"));
  glob.anywhere_ = pattern.find('/') == std::string_view::npos;
  if (pattern.starts_with('/')) pattern.remove_prefix(1);

  Segment segment;
  std::size_t begin = 0;  // of the segment within `pattern`
  const auto close = [&](std::size_t end) {
    if (!glob.anywhere_ && pattern.substr(begin, end - begin) == "**") {
      glob.segments_.push_back(std::nullopt);
    } else {
      glob.segments_.push_back(std::move(segment));
    }
    segment.clear();
    begin = end + 1;
  };
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at++];
    switch (c) {
      case '/':
        close(at - 1);
        break;
      case '*':
        if (segment.empty() || segment.back().kind != Token::Kind::star) {
          segment.push_back({.kind = Token::Kind::star});
        }
        break;
      case '?':
        segment.push_back({.kind = Token::Kind::any});
        break;
      case '[':
        segment.push_back({.kind = Token::Kind::set, .set = TRY(parse_set(pattern, at))});
        break;
      case '\\':
        if (at >= pattern.size()) return fail(bad_pattern(whole, "it ends with a single \\"));
        segment.push_back({.byte = static_cast<unsigned char>(pattern[at++])});
        break;
      default:
        segment.push_back({.byte = static_cast<unsigned char>(c)});
    }
  }
  close(pattern.size());
  return glob;
}

bool Glob::segment_matches(const Segment& segment, std::string_view text) {
  std::size_t p = 0, t = 0;
  std::optional<std::size_t> star;  // position after the last "*", and what it has taken so far
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < segment.size() && segment[p].kind == Token::Kind::star) {
      star = ++p;
      taken = t;
      continue;
    }
    const auto c = static_cast<unsigned char>(text[t]);
    const bool fits =
        p < segment.size() &&
        (segment[p].kind == Token::Kind::any ||
         (segment[p].kind == Token::Kind::set ? segment[p].set.test(c) : segment[p].byte == c));
    if (fits) {
      ++p;
      ++t;
    } else if (star) {
      p = *star;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < segment.size() && segment[p].kind == Token::Kind::star) ++p;
  return p == segment.size();
}

bool Glob::segments_match(std::string_view path) const {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= path.size();) {
    const std::size_t slash = std::min(path.find('/', at), path.size());
    parts.push_back(path.substr(at, slash - at));
    at = slash + 1;
  }
  // A "**" at the end stands for at least one part, elsewhere for none or more.
  std::size_t p = 0, t = 0;
  std::optional<std::size_t> stars;
  std::size_t taken = 0;
  while (t < parts.size()) {
    if (p < segments_.size() && !segments_[p]) {
      if (p + 1 == segments_.size()) return true;
      stars = ++p;
      taken = t;
    } else if (p < segments_.size() && segment_matches(*segments_[p], parts[t])) {
      ++p;
      ++t;
    } else if (stars) {
      p = *stars;
      t = ++taken;
    } else {
      return false;
    }
  }
  return p == segments_.size();
}

bool Glob::matches(std::string_view path, bool is_directory) const {
  if (directories_only_ && !is_directory) return false;
  if (!anywhere_) return segments_match(path);
  return segment_matches(*segments_.front(), path.substr(path.rfind('/') + 1));
}

Result<GlobSet> GlobSet::parse(const std::vector<std::string>& patterns) {
  GlobSet set;
  for (const std::string& pattern : patterns) {
    const bool negated = pattern.starts_with('!');
    set.rules_.push_back(
        {TRY(Glob::parse(std::string_view(pattern).substr(negated ? 1 : 0))), negated});
  }
  return set;
}

bool GlobSet::matches(std::string_view path, bool is_directory) const {
  for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
    if (rule->glob.matches(path, is_directory)) return !rule->negated;
  }
  return false;
}

bool GlobSet::matches_within(std::string_view path, bool is_directory) const {
  for (std::size_t slash = path.find('/'); slash != std::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (matches(path.substr(0, slash), true)) return true;
  }
  return matches(path, is_directory);
}

}  // namespace imgforge::layer
