#include "harbor/pattern.h"

#include <deque>
#include <map>
#include <set>

#include "base/text.h"

namespace imgforge::harbor {
namespace {

constexpr std::size_t kLongestPattern = 1024;
constexpr std::size_t kMostAlternatives = 256;  // {a,b} in a row multiply

Error refuse(std::string_view text, const std::string& why) {
  return Error(Errc::invalid, "the pattern \"" + std::string(text) + "\" " + why)
      .hint("Harbor's patterns: * any text, ? one character, [a-z] a class, {a,b} one of several");
}

/// The pattern without braces, once for each choice.
Result<std::vector<std::string>> alternatives(std::string_view whole) {
  std::vector<std::string> out = {""};
  std::string_view rest = whole;
  const auto append = [&](std::string_view text) {
    for (std::string& one : out) one += text;
  };
  while (!rest.empty()) {
    const auto open = rest.find_first_of("{}");
    append(rest.substr(0, open));
    if (open == std::string_view::npos) break;
    if (rest[open] == '}') return fail(refuse(whole, "has a '}' without a '{'"));
    const auto close = rest.find_first_of("{}", open + 1);
    if (close == std::string_view::npos) return fail(refuse(whole, "has a '{' without a '}'"));
    if (rest[close] == '{') return fail(refuse(whole, "has braces inside braces"));
    const auto choices = base::split(rest.substr(open + 1, close - open - 1), ',');
    std::vector<std::string> longer;
    for (const std::string& one : out) {
      for (const std::string_view choice : choices) {
        if (choice.empty()) return fail(refuse(whole, "has an empty alternative"));
        if (choice.find('/') != std::string_view::npos) {
          return fail(refuse(whole, "has a slash inside braces"));
        }
        longer.push_back(one + std::string(choice));
      }
    }
    if (longer.size() > kMostAlternatives) return fail(refuse(whole, "has too many alternatives"));
    out = std::move(longer);
    rest.remove_prefix(close + 1);
  }
  return out;
}

Result<> check(std::string_view text) {
  if (text.empty()) return fail(refuse(text, "is empty"));
  if (text.size() > kLongestPattern) return fail(refuse(text.substr(0, 40), "is too long"));
  for (const char c : text) {
    if (static_cast<unsigned char>(c) <= ' ' || static_cast<unsigned char>(c) >= 0x7f) {
      return fail(refuse(text, "has a space or a character that no name has"));
    }
  }
  if (text.find_first_of("\\()|$+") != std::string_view::npos || text.starts_with('^')) {
    return fail(refuse(text, "looks like a regular expression"));
  }
  bool open = false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!open && text[i] == ']') return fail(refuse(text, "has a ']' without a '['"));
    if (!open && text[i] == '[') {
      open = true;
      begin = i + 1;
      if (begin < text.size() && text[begin] == '!') {
        return fail(refuse(text, "negates a class with '!': write [^a-z]"));
      }
    } else if (open && text[i] == ']') {
      const std::string_view inside = text.substr(begin, i - begin);
      const bool negated = inside.starts_with('^');
      const std::string_view set = inside.substr(negated ? 1 : 0);
      if (set.empty()) return fail(refuse(text, "has an empty class"));
      if (set.starts_with('-') || set.ends_with('-')) {
        return fail(refuse(text, "has a class with '-' at its edge, which Harbor refuses"));
      }
      if (set.find_first_of("{},/[") != std::string_view::npos) {
        return fail(refuse(text, "has a sign inside a class that Harbor takes apart"));
      }
      open = false;
    }
  }
  if (open) return fail(refuse(text, "has a '[' without a ']'"));
  return {};
}

std::bitset<256> no_slash() {
  std::bitset<256> set;
  set.set();
  set.reset('/');
  return set;
}

/// Reads the class that begins at `at` (its '['); leaves `at` on the ']'.
std::bitset<256> read_class(std::string_view text, std::size_t& at) {
  std::bitset<256> set;
  const bool negated = text[++at] == '^';
  if (negated) ++at;
  while (text[at] != ']') {
    const auto low = static_cast<unsigned char>(text[at]);
    auto high = low;
    if (text[at + 1] == '-' && text[at + 2] != ']') {
      high = static_cast<unsigned char>(text[at + 2]);
      at += 2;
    }
    for (unsigned c = low; c <= high; ++c) set.set(c);
    ++at;
  }
  return negated ? ~set & no_slash() : set;
}

}  // namespace

void Pattern::add_component(std::string_view component, bool last, std::vector<Step>& steps) {
  std::bitset<256> all, slash;
  all.set();
  slash.set('/');
  if (component == "**") {
    // Before more: "(anything/)?", which the skip jumps over; at the end: anything.
    if (!last) steps.push_back({Step::Kind::skip, {}});
    steps.push_back({Step::Kind::many, all});
    if (!last) steps.push_back({Step::Kind::one, slash});
    return;
  }
  for (std::size_t i = 0; i < component.size(); ++i) {
    if (component[i] == '*') {
      steps.push_back({Step::Kind::many, no_slash()});
    } else if (component[i] == '?') {
      steps.push_back({Step::Kind::one, no_slash()});
    } else if (component[i] == '[') {
      steps.push_back({Step::Kind::one, read_class(component, i)});
    } else {
      std::bitset<256> one;
      one.set(static_cast<unsigned char>(component[i]));
      steps.push_back({Step::Kind::one, one});
    }
  }
  if (!last) steps.push_back({Step::Kind::one, slash});
}

Result<Pattern> Pattern::parse(std::string_view text) {
  TRY(check(text));
  Pattern pattern;
  pattern.text_ = text;
  for (const std::string& one : TRY(alternatives(text))) {
    pattern.starts_.push_back(pattern.steps_.size());
    const auto components = base::split(one, '/');
    for (std::size_t i = 0; i < components.size(); ++i) {
      if (components[i] != "**" && components[i].find("**") != std::string_view::npos) {
        return fail(refuse(text, "has \"**\" beside other characters, where it is only a *"));
      }
      if (components[i].empty()) return fail(refuse(text, "has an empty part between slashes"));
      add_component(components[i], i + 1 == components.size(), pattern.steps_);
    }
    pattern.end_.resize(pattern.steps_.size() + 1, false);
    pattern.end_[pattern.steps_.size()] = true;
    pattern.steps_.push_back({Step::Kind::one, {}});  // the end: takes nothing
  }
  return pattern;
}

void Pattern::enter(std::size_t position, Positions& into) const {
  if (into[position]) return;
  into[position] = true;
  const Step& step = steps_[position];
  if (step.kind == Step::Kind::many) enter(position + 1, into);
  if (step.kind == Step::Kind::skip) {
    enter(position + 1, into);
    enter(position + 3, into);
  }
}

Pattern::Positions Pattern::start() const {
  Positions positions(steps_.size());
  for (const std::size_t one : starts_) enter(one, positions);
  return positions;
}

Pattern::Positions Pattern::after(const Positions& from, unsigned char c) const {
  Positions next(steps_.size());
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!from[i] || !steps_[i].set.test(c)) continue;
    if (steps_[i].kind == Step::Kind::one) enter(i + 1, next);
    if (steps_[i].kind == Step::Kind::many) enter(i, next);
  }
  return next;
}

bool Pattern::done(const Positions& positions) const {
  for (std::size_t i = 0; i < positions.size(); ++i) {
    if (positions[i] && i < end_.size() && end_[i]) return true;
  }
  return false;
}

bool Pattern::matches(std::string_view name) const {
  Positions at = start();
  for (const char c : name) at = after(at, static_cast<unsigned char>(c));
  return done(at);
}

std::optional<std::string> find_tag(const Pattern& channel, const Pattern& rule, bool outside) {
  // distribution-spec v1.1.1: a tag is at most 128 of these, and neither '.' nor '-' comes first.
  constexpr std::string_view kTag =
      "xabcdefghijklmnopqrstuvwyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_-.";
  constexpr std::size_t kLongestTag = 128;
  constexpr std::size_t kMostStates = 50'000;
  using State = std::pair<Pattern::Positions, Pattern::Positions>;
  std::set<State> seen;
  std::deque<std::pair<State, std::string>> queue;
  queue.push_back({{channel.start(), rule.start()}, ""});
  while (!queue.empty() && seen.size() < kMostStates) {
    auto [state, tag] = std::move(queue.front());
    queue.pop_front();
    if (!tag.empty() && channel.done(state.first) && rule.done(state.second) != outside) return tag;
    if (tag.size() == kLongestTag) continue;
    for (const char c : kTag) {
      if (tag.empty() && (c == '-' || c == '.')) continue;
      State next{channel.after(state.first, static_cast<unsigned char>(c)),
                 rule.after(state.second, static_cast<unsigned char>(c))};
      if (next.first == Pattern::Positions(next.first.size())) continue;
      if (seen.insert(next).second) queue.push_back({std::move(next), tag + c});
    }
  }
  return std::nullopt;
}

}  // namespace imgforge::harbor
