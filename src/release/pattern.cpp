#include "release/pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace imgforge::release {
namespace {

std::bitset<256> only(unsigned char c) { return std::bitset<256>().set(c); }

// The set at `at`, which stands behind its "["; nullopt when it does not end.
std::optional<std::bitset<256>> read_set(std::string_view text, std::size_t& at) {
  const bool negated = at < text.size() && text[at] == '!';
  if (negated) ++at;
  std::bitset<256> set;
  for (bool first = true; at < text.size(); first = false) {
    if (text[at] == ']' && !first) {
      ++at;
      if (negated) set = ~set;
      return set.reset('/');
    }
    const auto low = static_cast<unsigned char>(text[at++]);
    auto high = low;
    if (at + 1 < text.size() && text[at] == '-' && text[at + 1] != ']') {
      high = static_cast<unsigned char>(text[at + 1]);
      at += 2;
    }
    for (unsigned c = low; c <= high; ++c) set.set(c);
  }
  return std::nullopt;
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  if (text.empty()) return fail(Errc::invalid, "a pattern cannot be empty");
  Pattern pattern{std::string(text)};
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    Token token;
    if (c == '*') {
      token.repeated = true;
      token.set.set();
      if (at < text.size() && text[at] == '*') {
        ++at;
      } else {
        token.set.reset('/');
      }
    } else if (c == '?') {
      token.set.set().reset('/');
    } else if (c == '[') {
      const auto set = read_set(text, at);
      if (!set) {
        return fail(Errc::invalid, fmt::format("the pattern '{}' has a [ without its ]", text));
      }
      if (set->none()) {
        return fail(Errc::invalid, fmt::format("a set of the pattern '{}' is empty", text));
      }
      token.set = *set;
    } else {
      token.set = only(static_cast<unsigned char>(c));
      pattern.tokens_.push_back(token);
      continue;
    }
    pattern.is_name_ = false;
    pattern.tokens_.push_back(token);
  }
  return pattern;
}

bool Pattern::matches(std::string_view name) const {
  // reached[i]: the first i tokens match what was read so far.
  std::vector<bool> reached(tokens_.size() + 1, false);
  const auto skip_repeated = [&](std::vector<bool>& states) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (states[i] && tokens_[i].repeated) states[i + 1] = true;
    }
  };
  reached[0] = true;
  skip_repeated(reached);
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    std::vector<bool> next(tokens_.size() + 1, false);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (!reached[i] || !tokens_[i].set.test(byte)) continue;
      next[tokens_[i].repeated ? i : i + 1] = true;
    }
    skip_repeated(next);
    reached = std::move(next);
  }
  return reached.back();
}

bool Pattern::overlaps(const Pattern& other) const {
  // A walk over the pairs of positions that one common name can reach.
  const std::size_t columns = other.tokens_.size() + 1;
  std::vector<bool> seen((tokens_.size() + 1) * columns, false);
  std::vector<std::pair<std::size_t, std::size_t>> open;
  const auto visit = [&](std::size_t i, std::size_t j) {
    if (seen[i * columns + j]) return;
    seen[i * columns + j] = true;
    open.emplace_back(i, j);
  };
  visit(0, 0);
  while (!open.empty()) {
    const auto [i, j] = open.back();
    open.pop_back();
    const Token* a = i < tokens_.size() ? &tokens_[i] : nullptr;
    const Token* b = j < other.tokens_.size() ? &other.tokens_[j] : nullptr;
    if (a != nullptr && a->repeated) visit(i + 1, j);
    if (b != nullptr && b->repeated) visit(i, j + 1);
    if (a == nullptr || b == nullptr || (a->set & b->set).none()) continue;
    visit(a->repeated ? i : i + 1, b->repeated ? j : j + 1);
  }
  return seen.back();
}

std::optional<std::string> captured(const Pattern& pattern, std::string_view name) {
  const std::string& text = pattern.text();
  const std::size_t star = text.find('*');
  if (star == std::string::npos || text.find_first_of("*?[", star + 1) != std::string::npos ||
      text.find_first_of("?[") != std::string::npos || !pattern.matches(name)) {
    return std::nullopt;
  }
  return std::string(name.substr(star, name.size() - (text.size() - 1)));
}

}  // namespace imgforge::release
