#include <algorithm>

#include "base/json.h"
#include "document/node.h"

namespace imgforge::document {

namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// A number that means the same to every JSON reader. It keeps its spelling: 3.10 is a version to
// most readers of these documents, and must not become 3.1.
bool is_plain_number(std::string_view text) {
  constexpr std::size_t kMaximumDigits = 15;  // exact in a double
  if (text.empty() || text.size() > kMaximumDigits + 2) return false;
  if (text.front() == '-') text.remove_prefix(1);
  const std::size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  if (whole.empty() || !std::all_of(whole.begin(), whole.end(), is_digit)) return false;
  if (whole.size() > 1 && whole.front() == '0') return false;
  if (point == std::string_view::npos) return whole.size() <= kMaximumDigits;
  const std::string_view fraction = text.substr(point + 1);
  return !fraction.empty() && std::all_of(fraction.begin(), fraction.end(), is_digit) &&
         whole.size() + fraction.size() <= kMaximumDigits;
}

void append_text(const std::string& text, std::string& out) {
  out += base::canonical_json(base::Json(text));
}

void append(const Node& node, std::string& out) {
  switch (node.kind()) {
    case Node::Kind::null:
      out += "null";
      return;
    case Node::Kind::scalar: {
      const std::string& text = node.text();
      const bool typed =
          !node.quoted() && (text == "true" || text == "false" || is_plain_number(text));
      if (typed) {
        out += text;
      } else {
        append_text(text, out);
      }
      return;
    }
    case Node::Kind::sequence: {
      out += '[';
      for (bool first = true; const Node& item : node.items()) {
        if (!std::exchange(first, false)) out += ',';
        append(item, out);
      }
      out += ']';
      return;
    }
    case Node::Kind::map: {
      std::vector<const std::pair<Node, Node>*> sorted;
      for (const auto& entry : node.entries()) sorted.push_back(&entry);
      std::sort(sorted.begin(), sorted.end(),
                [](auto* a, auto* b) { return a->first.text() < b->first.text(); });
      out += '{';
      for (bool first = true; const auto* entry : sorted) {
        if (!std::exchange(first, false)) out += ',';
        append_text(entry->first.text(), out);
        out += ':';
        append(entry->second, out);
      }
      out += '}';
      return;
    }
  }
}

}  // namespace

std::string canonical(const Node& node) {
  std::string out;
  append(node, out);
  return out;
}

}  // namespace imgforge::document
