// Patterns for names of git branches, channels and repositories. "*" is any run of characters
// without a slash, "**" any run at all, "?" one character but a slash, "[a-z]" and "[!a-z]" one of
// a set. There are no escapes: none of these characters can stand in such a name
// (git-check-ref-format(1), distribution-spec v1.1.1).
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::release {

class Pattern {
 public:
  /// Errc::invalid for an empty pattern and for a set without its end.
  static Result<Pattern> parse(std::string_view text);

  const std::string& text() const { return text_; }
  /// No wildcard at all: it matches the one name that it is.
  bool is_name() const { return is_name_; }
  /// The whole of `name`; in time of the product of both lengths.
  bool matches(std::string_view name) const;
  /// Whether some name matches both.
  bool overlaps(const Pattern& other) const;

 private:
  struct Token {
    std::bitset<256> set;
    bool repeated = false;  // any number of times, none included
  };
  explicit Pattern(std::string text) : text_(std::move(text)) {}
  std::string text_;
  std::vector<Token> tokens_;
  bool is_name_ = true;
};

/// What the only "*" of `pattern` stands for in `name`; nullopt when the pattern has not exactly
/// one wildcard, or does not match.
std::optional<std::string> captured(const Pattern& pattern, std::string_view name);

}  // namespace imgforge::release
