#include "cli/yaml.h"

#include <algorithm>

namespace imgforge::cli {
namespace {

// Letters first, then what no reader of YAML 1.1 or 1.2 gives a meaning inside a word. "yes",
// "null" and their like are words too, and quoted.
bool is_plain(const std::string& text) {
  static constexpr std::string_view kWords[] = {"true", "false", "yes", "no",  "on", "off",
                                                "null", "y",     "n",   "nan", "inf"};
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_inside = [&](char c) {
    return is_letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/';
  };
  if (text.empty() || !is_letter(text.front())) return false;
  if (!std::all_of(text.begin(), text.end(), is_inside)) return false;
  std::string lower = text;
  for (char& c : lower) c = (c >= 'A' && c <= 'Z') ? static_cast<char>(c - 'A' + 'a') : c;
  return std::find(std::begin(kWords), std::end(kWords), lower) == std::end(kWords);
}

// A JSON string is a double-quoted scalar of YAML 1.2.
std::string scalar(const base::Json& value) {
  if (!value.is_string()) return value.dump();
  const auto& text = value.get_ref<const std::string&>();
  return is_plain(text) ? text : value.dump();
}

bool is_block(const base::Json& value) { return value.is_structured() && !value.empty(); }

void write(const base::Json& value, std::size_t indent, bool in_line, std::string& out) {
  const std::string margin(indent, ' ');
  bool first = true;
  if (value.is_object()) {
    for (const auto& [key, item] : value.items()) {
      if (!(std::exchange(first, false) && in_line)) out += margin;
      out += scalar(base::Json(key)) + ":";
      if (is_block(item)) {
        out += "\n";
        write(item, indent + 2, false, out);
      } else {
        out += " " + scalar(item) + "\n";
      }
    }
    return;
  }
  for (const base::Json& item : value) {
    if (!(std::exchange(first, false) && in_line)) out += margin;
    out += "- ";
    if (is_block(item)) {
      write(item, indent + 2, true, out);
    } else {
      out += scalar(item) + "\n";
    }
  }
}

}  // namespace

std::string to_yaml(const base::Json& value) {
  if (!is_block(value)) return scalar(value) + "\n";
  std::string out;
  write(value, 0, false, out);
  return out;
}

}  // namespace imgforge::cli
