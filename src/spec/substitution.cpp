#include <algorithm>

#include "base/text.h"
#include "spec/parameters.h"

namespace imgforge::spec {

using document::Node;

namespace {

// Composition may multiply a text; no setting of an image is near this.
constexpr std::size_t kMaximumText = 1 << 20;
constexpr std::string_view kFilters[] = {"digits", "major", "minor"};

struct Reference {
  std::string name;
  std::string filter;  // may be empty
};

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

/// `inside` is what stands between "${" and "}".
Result<Reference> parse_reference(std::string_view inside, const Node& node) {
  const std::size_t bar = inside.find('|');
  Reference reference{std::string(base::trim(inside.substr(0, bar))), {}};
  if (bar == std::string_view::npos) return reference;
  reference.filter = base::trim(inside.substr(bar + 1));
  if (std::find(std::begin(kFilters), std::end(kFilters), reference.filter) != std::end(kFilters)) {
    return reference;
  }
  const auto near = base::nearest(reference.filter, kFilters);
  return fail(node.error("there is no filter " + quote(reference.filter))
                  .hint(near ? "did you mean " + quote(*near) + "?"
                             : "the filters are digits, major and minor"));
}

Result<Node> look_up(const Reference& reference, const Bindings& bindings, const Node& node) {
  const auto found = bindings.find(reference.name);
  if (found != bindings.end()) return found->second;
  std::vector<std::string_view> names;
  for (const auto& [name, value] : bindings) names.push_back(name);
  const auto near = base::nearest(reference.name, names);
  return fail(node.error("there is no parameter " + quote(reference.name) + " here")
                  .hint(near ? "did you mean ${" + *near + "}?"
                             : "declare it under parameters:, or write $${ for the characters ${"));
}

Result<std::string> apply_filter(const Reference& reference, const std::string& text,
                                 const Node& node) {
  if (reference.filter.empty()) return text;
  if (reference.filter == "digits") {
    std::string digits;
    for (char c : text) {
      if (c >= '0' && c <= '9') digits += c;
    }
    if (!digits.empty()) return digits;
    return fail(node.error(quote(text) + ", the value of " + reference.name + ", has no digits"));
  }
  const std::size_t parts = reference.filter == "major" ? 1 : 2;
  const auto words = base::split(text, '.');
  if (words.size() < parts || words[parts - 1].empty()) {
    return fail(node.error(quote(text) + ", the value of " + reference.name + ", has no " +
                           reference.filter + " version"));
  }
  std::string out(words[0]);
  if (parts == 2) out += "." + std::string(words[1]);
  return out;
}

/// The reference, if the text is exactly one ${...}.
std::optional<std::string_view> sole_reference(std::string_view text) {
  if (!text.starts_with("${") || text.find('}') != text.size() - 1) return std::nullopt;
  return text.substr(2, text.size() - 3);
}

Result<std::string> fill_in(const Node& node, const Bindings& bindings) {
  std::string_view rest = node.text();
  std::string out;
  for (;;) {
    const std::size_t dollar = rest.find("${");
    if (dollar == std::string_view::npos) break;
    if (dollar != 0 && rest[dollar - 1] == '$') {
      out += rest.substr(0, dollar - 1);
      out += "${";
      rest.remove_prefix(dollar + 2);
      continue;
    }
    out += rest.substr(0, dollar);
    rest.remove_prefix(dollar + 2);
    const std::size_t end = rest.find('}');
    if (end == std::string_view::npos) {
      return fail(node.error("a ${ is not closed").hint("write $${ for the characters ${"));
    }
    const Reference reference = TRY(parse_reference(rest.substr(0, end), node));
    const Node value = TRY(look_up(reference, bindings, node));
    if (value.is_null()) {
      return fail(node.error("the parameter " + reference.name + " has no value here"));
    }
    if (!value.is_scalar()) {
      return fail(node.error("the list " + reference.name + " stands inside a text")
                      .hint("a list can only be a whole item: - ${" + reference.name + "}"));
    }
    out += TRY(apply_filter(reference, value.text(), node));
    if (out.size() > kMaximumText) {
      return fail(node.error("the text grows beyond 1 MiB through its parameters"));
    }
    rest.remove_prefix(end + 1);
  }
  return out + std::string(rest);
}

Result<Node> substitute_scalar(const Node& node, const Bindings& bindings) {
  if (node.text().find("${") == std::string::npos) return node;
  if (const auto inside = sole_reference(node.text())) {
    const Reference reference = TRY(parse_reference(*inside, node));
    if (reference.filter.empty()) return look_up(reference, bindings, node);
  }
  return Node::scalar(TRY(fill_in(node, bindings)), node.where(), node.quoted());
}

}  // namespace

Result<Node> substitute(const Node& node, const Bindings& bindings) {
  switch (node.kind()) {
    case Node::Kind::null:
      return node;
    case Node::Kind::scalar:
      return substitute_scalar(node, bindings);
    case Node::Kind::sequence: {
      std::vector<Node> items;
      for (const Node& item : node.items()) {
        Node value = TRY(substitute(item, bindings));
        const bool replaced = item.is_scalar() && !value.is_scalar();
        if (!replaced) {
          items.push_back(std::move(value));
        } else if (value.is_sequence()) {
          items.insert(items.end(), value.items().begin(), value.items().end());
        }
      }
      return Node::sequence(std::move(items), node.where());
    }
    case Node::Kind::map: {
      std::vector<std::pair<Node, Node>> entries;
      for (const auto& [key, item] : node.entries()) {
        Node value = TRY(substitute(item, bindings));
        if (value.is_null() && item.is_scalar()) continue;
        entries.emplace_back(key, std::move(value));
      }
      return Node::map(std::move(entries), node.where());
    }
  }
  return node;
}

}  // namespace imgforge::spec
