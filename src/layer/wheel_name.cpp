#include "layer/wheel_name.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace imgforge::layer {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_word(char c) { return is_digit(c) || is_letter(c) || c == '_'; }

Error bad_name(std::string_view file, std::string_view why) {
  return Error(Errc::invalid, fmt::format("\"{}\" is not a wheel's file name: {}", file, why))
      .hint("the form is NAME-VERSION(-BUILD)-PYTHON-ABI-PLATFORM.whl");
}

/// Walks over a lower-case version text.
class VersionScanner {
 public:
  explicit VersionScanner(std::string_view text) : rest_(text) {}

  bool done() const { return rest_.empty(); }
  bool take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take(std::string_view word) {
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  void skip_separator() {
    if (!rest_.empty() && is_separator(rest_.front())) rest_.remove_prefix(1);
  }
  /// Digits without leading zeros, or nullopt.
  std::optional<std::string> number() {
    std::size_t n = 0;
    while (n < rest_.size() && is_digit(rest_[n])) ++n;
    if (n == 0) return std::nullopt;
    std::string_view digits = rest_.substr(0, n);
    rest_.remove_prefix(n);
    while (digits.size() > 1 && digits.front() == '0') digits.remove_prefix(1);
    return std::string(digits);
  }
  bool next_is_digit() const { return !rest_.empty() && is_digit(rest_.front()); }
  std::string_view rest() const { return rest_; }
  void reset(std::string_view rest) { rest_ = rest; }

  static bool is_separator(char c) { return c == '.' || c == '-' || c == '_'; }

 private:
  std::string_view rest_;
};

struct Spelling {
  std::string_view written;
  std::string_view normal;
};
// Longer spellings first: "alpha" before "a".
constexpr Spelling kPreReleases[] = {{"alpha", "a"}, {"beta", "b"}, {"preview", "rc"},
                                     {"pre", "rc"},  {"rc", "rc"},  {"a", "a"},
                                     {"b", "b"},     {"c", "rc"}};
constexpr Spelling kPostReleases[] = {{"post", ".post"}, {"rev", ".post"}, {"r", ".post"}};
constexpr Spelling kDevReleases[] = {{"dev", ".dev"}};

/// An optional "(sep) word (sep) number" part; appends its normal form.
template <std::size_t N>
void take_part(VersionScanner& scan, const Spelling (&spellings)[N], std::string& normal) {
  const std::string_view before = scan.rest();
  scan.skip_separator();
  for (const Spelling& spelling : spellings) {
    if (!scan.take(spelling.written)) continue;
    normal += spelling.normal;
    const std::string_view after_word = scan.rest();
    scan.skip_separator();
    if (auto digits = scan.number()) {
      normal += *digits;
    } else {
      normal += '0';
      scan.reset(after_word);
    }
    return;
  }
  scan.reset(before);
}

std::optional<std::string> normal_local(std::string_view local) {
  std::string normal;
  for (std::size_t begin = 0; begin <= local.size();) {
    const std::size_t end = std::min(local.find_first_of("._-", begin), local.size());
    std::string_view part = local.substr(begin, end - begin);
    if (part.empty() || !std::all_of(part.begin(), part.end(),
                                     [](char c) { return is_digit(c) || is_letter(c); })) {
      return std::nullopt;
    }
    const bool numeric = std::all_of(part.begin(), part.end(), is_digit);
    while (numeric && part.size() > 1 && part.front() == '0') part.remove_prefix(1);
    if (!normal.empty()) normal += '.';
    normal += part;
    begin = end + 1;
  }
  return normal;
}

/// The epoch and release ("1!2.0.0") and everything after it.
struct Version {
  std::string epoch;  // "1!" or empty
  std::vector<std::string> release;
  std::string rest;
};

std::optional<Version> parse_version(std::string_view text) {
  const std::string lower = base::to_lower(base::trim(text));
  VersionScanner scan(lower);
  scan.take('v');
  Version version;
  auto first = scan.number();
  if (!first) return std::nullopt;
  if (scan.take('!')) {
    if (*first != "0") version.epoch = *first + "!";
    first = scan.number();
    if (!first) return std::nullopt;
  }
  version.release.push_back(*first);
  while (scan.rest().size() > 1 && scan.rest()[0] == '.' && is_digit(scan.rest()[1])) {
    scan.take('.');
    version.release.push_back(*scan.number());
  }
  take_part(scan, kPreReleases, version.rest);
  if (scan.rest().size() > 1 && scan.rest()[0] == '-' && is_digit(scan.rest()[1])) {
    scan.take('-');
    version.rest += ".post" + *scan.number();
  } else {
    take_part(scan, kPostReleases, version.rest);
  }
  take_part(scan, kDevReleases, version.rest);
  if (scan.take('+')) {
    const auto local = normal_local(scan.rest());
    if (!local) return std::nullopt;
    version.rest += "+" + *local;
    return version;
  }
  if (!scan.done()) return std::nullopt;
  return version;
}

std::string plain_text(std::string_view version) {
  return base::replace_all(base::to_lower(version), "_", "-");
}

}  // namespace

std::string WheelName::project() const { return normal_project(distribution); }

Result<WheelName> parse_wheel_name(std::string_view file) {
  if (!file.ends_with(".whl")) return fail(bad_name(file, "it does not end in .whl"));
  const auto parts = base::split(file.substr(0, file.size() - 4), '-');
  if (parts.size() != 5 && parts.size() != 6) {
    return fail(bad_name(file, fmt::format("it has {} parts between dashes", parts.size())));
  }
  for (const auto part : parts) {
    if (part.empty()) return fail(bad_name(file, "a part between dashes is empty"));
  }
  const std::string_view name = parts[0];
  if (!std::all_of(name.begin(), name.end(), [](char c) { return is_word(c) || c == '.'; })) {
    return fail(bad_name(file, fmt::format("\"{}\" cannot be a project's name", name)));
  }
  for (const auto part : parts) {
    if (part.find_first_of("/\\ \t\n") != std::string_view::npos) {
      return fail(bad_name(file, "there is a slash or a space in it"));
    }
  }
  if (parts.size() == 6 && !is_digit(parts[2].front())) {
    return fail(bad_name(file, fmt::format("the build \"{}\" must begin with a digit", parts[2])));
  }
  const std::size_t tags = parts.size() - 3;
  return WheelName{.file = std::string(file),
                   .distribution = std::string(name),
                   .version = std::string(parts[1]),
                   .build = parts.size() == 6 ? std::string(parts[2]) : std::string(),
                   .python_tag = std::string(parts[tags]),
                   .abi_tag = std::string(parts[tags + 1]),
                   .platform_tag = std::string(parts[tags + 2])};
}

std::string normal_project(std::string_view name) {
  std::string normal;
  for (const char c : base::to_lower(name)) {
    if (c == '-' || c == '_' || c == '.') {
      if (!normal.ends_with('-')) normal += '-';
    } else {
      normal += c;
    }
  }
  return normal;
}

std::string normal_version(std::string_view version) {
  const auto parsed = parse_version(version);
  if (!parsed) return plain_text(version);
  return parsed->epoch + base::join(parsed->release, ".") + parsed->rest;
}

bool same_version(std::string_view one, std::string_view other) {
  auto a = parse_version(one);
  auto b = parse_version(other);
  if (!a || !b) return plain_text(one) == plain_text(other);
  const std::size_t longest = std::max(a->release.size(), b->release.size());
  a->release.resize(longest, "0");
  b->release.resize(longest, "0");
  return a->epoch == b->epoch && a->release == b->release && a->rest == b->rest;
}

}  // namespace imgforge::layer
