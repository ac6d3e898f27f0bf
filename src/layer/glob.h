// Patterns for files, with the syntax and meaning of .gitignore (gitignore(5)), independent of git:
// "*.so" matches at every depth, "/build" or "a/b" from the root only, "**" any number of folders,
// "dir/" folders only, "[a-z]", "?", "\" escapes. Matching is byte-wise and takes time linear in
// pattern and path for every practical pattern.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::layer {

/// One pattern.
class Glob {
 public:
  /// A pattern without "!" (GlobSet reads that). Errc::invalid for one that can match nothing: an
  /// unclosed "[", a "\" at the end, an empty pattern.
  static Result<Glob> parse(std::string_view pattern);

  /// `path` is relative without a leading or trailing slash. Looks at this path alone, not at the
  /// folders above it.
  bool matches(std::string_view path, bool is_directory) const;

 private:
  struct Token {
    enum class Kind : std::uint8_t { byte, any, star, set };
    Kind kind = Kind::byte;
    unsigned char byte = 0;
    std::bitset<256> set;
  };
  using Segment = std::vector<Token>;

  static bool segment_matches(const Segment& segment, std::string_view text);
  bool segments_match(std::string_view path) const;

  std::vector<std::optional<Segment>> segments_;  // nullopt: "**"
  bool anywhere_ = false;                         // no slash: matched against the last part
  bool directories_only_ = false;
};

/// Patterns in order, the last one that matches decides; "!pattern" takes back what earlier ones
/// matched. As with git, nothing inside a matched folder can be taken back.
class GlobSet {
 public:
  GlobSet() = default;
  static Result<GlobSet> parse(const std::vector<std::string>& patterns);

  bool empty() const { return rules_.empty(); }
  /// This path alone: what a walk needs that does not enter matched folders.
  bool matches(std::string_view path, bool is_directory) const;
  /// The path or any folder above it.
  bool matches_within(std::string_view path, bool is_directory) const;

 private:
  struct Rule {
    Glob glob;
    bool negated;
  };
  std::vector<Rule> rules_;
};

}  // namespace imgforge::layer
