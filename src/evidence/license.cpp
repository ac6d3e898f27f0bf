#include "evidence/license.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "evidence/license_names.h"

namespace imgforge::evidence {
namespace {

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// "LicenseRef-" and letters, digits, ".", "-": the name for people, and what tells two texts
/// apart.
std::string reference_id(const License::Reference& reference) {
  constexpr std::size_t kReadable = 48;
  std::string slug;
  for (const char c : reference.name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (slug.size() >= kReadable) break;
    if (plain || c == '.') {
      slug += c;
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  while (slug.ends_with('-')) slug.pop_back();
  const std::string hash = base::sha256_hex(reference.name + '\0' + reference.text);
  return fmt::format("LicenseRef-{}-{}", slug.empty() ? "unnamed" : slug, hash.substr(0, 8));
}

License referenced(std::string_view name, std::string_view text) {
  License::Reference reference{std::string(name), std::string(text.empty() ? name : text)};
  std::string id = reference_id(reference);
  return {.expression = id, .references = {{id, std::move(reference)}}};
}

void take_references(License& into, const License& from) {
  into.references.insert(from.references.begin(), from.references.end());
}

/// Where `op` stands outside of all parentheses.
std::size_t find_outside(std::string_view text, std::string_view op, std::size_t from) {
  int depth = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '(') ++depth;
    if (text[i] == ')') --depth;
    if (depth == 0 && i >= from && text.substr(i, op.size()) == op) return i;
  }
  return std::string_view::npos;
}

/// The operands of `joiner`; the whole in parentheses where `other` binds it.
std::vector<std::string> operands(const std::string& expression, std::string_view joiner,
                                  std::string_view other) {
  if (find_outside(expression, other, 0) != std::string_view::npos) return {"(" + expression + ")"};
  std::vector<std::string> parts;
  std::size_t begin = 0;
  for (;;) {
    const std::size_t end = find_outside(expression, joiner, begin);
    parts.push_back(expression.substr(begin, end == std::string::npos ? end : end - begin));
    if (end == std::string::npos) return parts;
    begin = end + joiner.size();
  }
}

/// True for "(A OR B)", false for "(A) AND (B)".
bool is_one_group(std::string_view expression) {
  return expression.starts_with("(") && expression.ends_with(")") &&
         find_outside(expression, " AND ", 0) == std::string_view::npos &&
         find_outside(expression, " OR ", 0) == std::string_view::npos;
}

void strip_group(std::string& expression) {
  while (is_one_group(expression)) expression = expression.substr(1, expression.size() - 2);
}

License joined(const std::vector<License>& parts, std::string_view joiner, std::string_view other) {
  License out;
  std::set<std::string> distinct;
  for (const License& part : parts) {
    if (part.empty()) continue;
    take_references(out, part);
    for (std::string& operand : operands(part.expression, joiner, other)) {
      distinct.insert(std::move(operand));
    }
  }
  out.expression = base::join({distinct.begin(), distinct.end()}, joiner);
  strip_group(out.expression);
  return out;
}

/// Recursive descent over SPDX 2.3, annex D: OR binds weakest, then AND, then WITH.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::string_view text) {
    std::string word;
    const auto flush = [&] {
      if (!word.empty()) words_.push_back(std::exchange(word, {}));
    };
    for (const char c : text) {
      if (c == '(' || c == ')') {
        flush();
        words_.emplace_back(1, c);
      } else if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
        flush();
      } else {
        word += c;
      }
    }
    flush();
  }

  /// nullopt when it is no expression.
  std::optional<License> parse() {
    auto out = alternatives(0);
    if (!out || at_ != words_.size()) return std::nullopt;
    return out;
  }

 private:
  static constexpr int kMaximumDepth = 32;

  bool take(std::string_view upper) {
    if (at_ == words_.size()) return false;
    if (words_[at_] != upper && words_[at_] != base::to_lower(upper)) return false;
    ++at_;
    return true;
  }

  std::optional<License> alternatives(int depth) { return chain(depth, "OR"); }

  std::optional<License> chain(int depth, std::string_view op) {
    const bool weakest = op == "OR";
    License out;
    do {
      auto next = weakest ? chain(depth, "AND") : operand(depth);
      if (!next) return std::nullopt;
      take_references(out, *next);
      out.expression += out.expression.empty() ? "" : fmt::format(" {} ", op);
      out.expression += next->expression;
    } while (take(op));
    return out;
  }

  std::optional<License> operand(int depth) {
    if (take("(")) {
      if (depth == kMaximumDepth) return std::nullopt;
      auto inner = alternatives(depth + 1);
      if (!inner || !take(")")) return std::nullopt;
      inner->expression = "(" + inner->expression + ")";
      return inner;
    }
    if (at_ == words_.size() || is_operator(words_[at_])) return std::nullopt;
    const std::string name = words_[at_++];
    if (!take("WITH")) return named(name);
    if (at_ == words_.size() || is_operator(words_[at_])) return std::nullopt;
    const std::string exception = words_[at_++];
    const auto license = spdx_license_id(name);
    const auto known = spdx_exception_id(exception);
    if (license && known) return License{fmt::format("{} WITH {}", *license, *known), {}};
    return referenced(name + " WITH " + exception, {});
  }

  static bool is_operator(std::string_view word) {
    const std::string lower = base::to_lower(word);
    return lower == "and" || lower == "or" || lower == "with" || word == "(" || word == ")";
  }

  static License named(const std::string& name) {
    License out = named_license(name);
    if (contains(out.expression, " ")) out.expression = "(" + out.expression + ")";
    return out;
  }

  std::vector<std::string> words_;
  std::size_t at_ = 0;
};

}  // namespace

License named_license(std::string_view raw, std::string_view text) {
  std::string name;
  for (const char c : base::trim(raw)) {
    const bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    if (!blank) name += c;
    if (blank && !name.ends_with(' ')) name += ' ';
  }
  if (name.empty()) return {};
  if (const auto id = spdx_license_id(name)) return {std::string(*id), {}};
  if (const auto usual = usual_name(name)) return {*usual, {}};
  return referenced(name, text);
}

License parse_expression(std::string_view text) {
  if (base::trim(text).empty()) return {};
  if (auto parsed = ExpressionParser(text).parse()) {
    strip_group(parsed->expression);
    return std::move(*parsed);
  }
  return named_license(text);
}

License all_of(const std::vector<License>& parts) { return joined(parts, " AND ", " OR "); }
License any_of(const std::vector<License>& parts) { return joined(parts, " OR ", " AND "); }

}  // namespace imgforge::evidence
