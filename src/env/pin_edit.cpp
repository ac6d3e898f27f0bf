#include "env/pin_edit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "document/node.h"

namespace imgforge::env {
namespace {

using document::Node;
using Path = std::vector<std::string>;

/// As YAML: plain where every reader takes it for a text, else in double quotes.
std::string quoted(std::string_view value) {
  const bool is_word = !value.empty() &&
                       std::isalpha(static_cast<unsigned char>(value.front())) != 0 &&
                       std::all_of(value.begin(), value.end(),
                                   [](unsigned char c) {
                                     return std::isalnum(c) != 0 || c == '.' || c == '_' ||
                                            c == '-' || c == '+' || c == ':';
                                   }) &&
                       value.back() != ':';
  for (const char* const reserved : {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}) {
    if (base::to_lower(value) == reserved) return fmt::format("\"{}\"", value);
  }
  if (is_word) return std::string(value);
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text += '\\';
    text += c;
  }
  return text + "\"";
}

/// The text as lines, kept with their ends.
class Lines {
 public:
  explicit Lines(std::string_view text) {
    if (text.starts_with(kByteOrderMark)) {
      mark_ = kByteOrderMark;
      text.remove_prefix(kByteOrderMark.size());
    }
    end_ = text.find("\r\n") != std::string_view::npos ? "\r\n" : "\n";
    for (const std::string_view line : base::lines(text)) lines_.emplace_back(line);
  }
  std::string& at(int number) { return lines_.at(static_cast<std::size_t>(number) - 1); }
  int count() const { return static_cast<int>(lines_.size()); }
  void insert_after(int number, std::string line) {
    lines_.insert(lines_.begin() + number, std::move(line));
  }
  void erase(int first, int last) {
    lines_.erase(lines_.begin() + first - 1, lines_.begin() + last);
  }
  std::string text() const {
    std::string out(mark_);
    for (const std::string& line : lines_) out += line + std::string(end_);
    return out;
  }

 private:
  static constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  std::string_view mark_, end_;
  std::vector<std::string> lines_;
};

/// The last line that a value has a part in, as far as places say.
int last_line(const Node& node) {
  int last = node.where().line;
  for (const Node& item : node.items()) last = std::max(last, last_line(item));
  for (const auto& [key, value] : node.entries()) {
    last = std::max({last, key.where().line, last_line(value)});
  }
  return last;
}

Error cannot_edit(const Node& node) {
  return Error(Errc::unsupported, "the pin cannot be written into this")
      .at(node.where())
      .hint(
          "write it in lines, 'pin:' and below it '  tag: …' and '  digest: …'; or take the key "
          "`pin` out, and pin again");
}

bool is_flow(Lines& lines, const Node& map) {
  const std::string& line = lines.at(map.where().line);
  const auto at = static_cast<std::size_t>(map.where().column) - 1;
  return at < line.size() && line[at] == '{';
}

/// Where a scalar that begins at `begin` ends in its line.
std::size_t scalar_end(const std::string& line, std::size_t begin, bool flow) {
  const char quote = line[begin];
  if (quote == '"' || quote == '\'') {
    for (std::size_t i = begin + 1; i < line.size(); ++i) {
      if (quote == '"' && line[i] == '\\') {
        ++i;
      } else if (line[i] == quote) {
        if (quote == '\'' && i + 1 < line.size() && line[i + 1] == quote) {
          ++i;
        } else {
          return i + 1;
        }
      }
    }
    return line.size();
  }
  std::size_t end = begin;
  while (end < line.size() && !(flow && (line[end] == ',' || line[end] == '}')) &&
         !(line[end] == '#' && end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t'))) {
    ++end;
  }
  while (end > begin && (line[end - 1] == ' ' || line[end - 1] == '\t')) --end;
  return end;
}

const std::pair<Node, Node>* find_entry(const Node& map, std::string_view key) {
  for (const auto& entry : map.entries()) {
    if (entry.first.text() == key) return &entry;
  }
  return nullptr;
}

Result<> replace(Lines& lines, const Node& value, bool flow, const std::string& text) {
  if (!value.is_scalar()) return fail(cannot_edit(value));
  std::string& line = lines.at(value.where().line);
  const auto begin = static_cast<std::size_t>(value.where().column) - 1;
  if (begin >= line.size()) return fail(cannot_edit(value));
  line.replace(begin, scalar_end(line, begin, flow) - begin, text);
  return {};
}

/// Puts `key: text` behind the last entry of a map that is written in lines.
void append(Lines& lines, const Node& map, const std::string& key, const std::string& text) {
  const int column = map.entries().front().first.where().column;
  lines.insert_after(last_line(map), fmt::format("{:{}}{}:{}{}", "", column - 1, key,
                                                 text.empty() ? "" : " ", text));
}

/// The value at `path`, set in the text. Maps on the way are made.
Result<std::string> set(const std::string& text, const Path& path, const std::string& value,
                        const std::string& file) {
  const Node root = TRY(document::parse_yaml(text, file));
  Lines lines(text);
  Node map = root;
  int parent_line = 0, indent = 0;  // of the key whose value `map` is
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool last = i + 1 == path.size();
    if (map.is_null()) {  // "pin:" alone, or with a comment
      if (parent_line == 0) return fail(cannot_edit(map));
      for (std::size_t j = i; j < path.size(); ++j) {
        indent += 2;
        lines.insert_after(parent_line++, fmt::format("{:{}}{}:{}", "", indent, quoted(path[j]),
                                                      j + 1 == path.size() ? " " + value : ""));
      }
      return lines.text();
    }
    if (!map.is_map() || map.entries().empty()) return fail(cannot_edit(map));
    const bool flow = is_flow(lines, map);
    const auto* entry = find_entry(map, path[i]);
    if (entry == nullptr) {
      if (flow) return fail(cannot_edit(map));
      if (i == 0) {  // at the end of the file, with room above it
        if (lines.count() > 0 && !lines.at(lines.count()).empty())
          lines.insert_after(lines.count(), "");
        lines.insert_after(lines.count(), path[0] + ":");
        return set(lines.text(), path, value, file);
      }
      append(lines, map, quoted(path[i]), last ? value : "");
      if (last) return lines.text();
      return set(lines.text(), path, value, file);
    }
    if (last) {
      TRY(replace(lines, entry->second, flow, value));
      return lines.text();
    }
    parent_line = entry->first.where().line;
    indent = entry->first.where().column - 1;
    map = entry->second;
  }
  return text;
}

Result<std::string> erase(const std::string& text, const Path& path, const std::string& file) {
  const Node root = TRY(document::parse_yaml(text, file));
  Lines lines(text);
  Node map = root;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const auto* entry = map.is_map() ? find_entry(map, path[i]) : nullptr;
    if (entry == nullptr) return text;
    if (i + 1 < path.size()) {
      map = entry->second;
      continue;
    }
    if (is_flow(lines, map)) return fail(cannot_edit(map));
    lines.erase(entry->first.where().line,
                std::max(entry->first.where().line, last_line(entry->second)));
  }
  return lines.text();
}

}  // namespace

Result<std::string> with_pin(std::string_view original, const Pin& pin, const std::string& file) {
  const Contract before = TRY(Contract::parse(original, file));
  std::string text(original);
  const auto put = [&](const Path& path, const std::string& value) -> Result<> {
    text = value.empty() ? TRY(erase(text, path, file)) : TRY(set(text, path, quoted(value), file));
    return {};
  };
  TRY(put({"pin", "tag"}, pin.tag.to_string()));
  TRY(put({"pin", "digest"}, pin.digest.to_string()));
  TRY(put({"pin", "build"}, pin.build));
  TRY(put({"pin", "promise"}, pin.promise ? pin.promise->to_string() : ""));
  if (pin.components.empty()) TRY(put({"pin", "components"}, ""));
  for (const auto& [name, version] : pin.components) {
    TRY(put({"pin", "components", name}, version));
  }
  if (before.pin && !pin.components.empty()) {
    for (const auto& [name, version] : before.pin->components) {
      if (!pin.components.contains(name)) TRY(put({"pin", "components", name}, ""));
    }
  }
  const Contract after = TRY(Contract::parse(text, file));
  if (after.pin != pin) {
    return fail(Error(Errc::unsupported, "the pin of " + file +
                                             " is written in a way that cannot "
                                             "be edited")
                    .hint("take the key `pin` out of the file, and pin again"));
  }
  return text;
}

std::string new_contract(const std::string& repository_name) {
  return fmt::format(
      "# Which environment the code of this repository needs: imgforge env --help\n"
      "imgforge: 1\n"
      "repository: {}\n"
      "\n"
      "# Written by `imgforge env pin TAG`; the digest is what counts.\n"
      "pin:\n"
      "\n"
      "# Which channel a branch is pinned to. A commit that mixes them is refused.\n"
      "# branches: {{main: v2.6-lts, dev: nightly, \"feat/*\": v2.7-alpha}}\n",
      repository_name);
}

}  // namespace imgforge::env
