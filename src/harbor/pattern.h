// The patterns of Harbor's rules as Harbor understands them: doublestar 1.x globs, neither regular
// expressions nor path.Match. '*' is any text without a slash, '**' as a whole component is any
// number of components, '?' one character, [a-z] and [^a-z] classes, {a,b} one of several; braces
// do not nest; a comma outside braces is a comma. Tags have no slash, repositories (without their
// project) may have.
#pragma once

#include <bitset>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::harbor {

class Pattern {
 public:
  /// Errc::invalid for what Harbor would refuse or understand otherwise than people do: unclosed
  /// braces and classes, nested braces, empty alternatives, "**" beside other characters,
  /// backslashes, signs of a regular expression that cannot stand in a name.
  static Result<Pattern> parse(std::string_view text);

  bool matches(std::string_view name) const;
  const std::string& text() const { return text_; }

 private:
  friend std::optional<std::string> find_tag(const Pattern&, const Pattern&, bool);
  struct Step {
    enum class Kind { one, many, skip } kind = Kind::one;
    std::bitset<256> set;  // of one and many
  };
  using Positions = std::vector<bool>;

  static void add_component(std::string_view component, bool last, std::vector<Step>& steps);
  void enter(std::size_t position, Positions& into) const;
  Positions start() const;
  Positions after(const Positions& from, unsigned char c) const;
  bool done(const Positions& positions) const;

  std::string text_;
  std::vector<Step> steps_;          // the alternatives behind each other
  std::vector<std::size_t> starts_;  // where each begins
  std::vector<bool> end_;            // positions that accept
};

/// A tag that `channel` matches and `rule` matches too (with `outside`: that `rule` does not
/// match); the shortest one, nullopt when there is none. Both are followed as automata, up to
/// 50,000 states, which patterns that people write do not reach.
std::optional<std::string> find_tag(const Pattern& channel, const Pattern& rule, bool outside);

}  // namespace imgforge::harbor
