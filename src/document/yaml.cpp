// The adapter of yaml-cpp 0.7, through its events: they carry positions, and nothing is expanded.
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "base/text.h"
#include "document/node.h"

namespace imgforge::document {

namespace {

constexpr std::size_t kMaximumBytes = 4 << 20;
constexpr std::size_t kMaximumDepth = 64;
// Every value keeps its place and its line: this bounds them to some 100 MB for hostile input,
// while a large real document has a few thousand.
constexpr std::size_t kMaximumValues = 100'000;
constexpr std::size_t kMaximumLineShown = 240;

// The bytes of the character at text[at], or 0 if it may not stand in a document: malformed UTF-8
// (RFC 3629), or a control character (YAML 1.2.2, c-printable).
std::size_t character_length(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U;
  };
  const unsigned first = byte(0);
  if (first < 0x80) {
    const bool allowed =
        first == '\t' || first == '\n' || first == '\r' || (first >= 0x20 && first != 0x7f);
    return allowed ? 1 : 0;
  }
  const std::size_t length = first >= 0xc2 && first < 0xe0   ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const unsigned second = byte(1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) {
    return 0;
  }
  if (first == 0xc2 && second < 0xa0 && second != 0x85) return 0;  // C1 controls
  return length;
}

/// Turns byte offsets into places. Columns count characters, so that a caret stands right.
class Places {
 public:
  Places(std::string_view text, const std::string& file) : text_(text), file_(file) {
    starts_.push_back(0);
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\n') starts_.push_back(i + 1);
    }
  }

  Location at(std::size_t offset) const {
    offset = std::min(offset, text_.size());
    const auto next = std::upper_bound(starts_.begin(), starts_.end(), offset);
    const std::size_t start = *(next - 1);
    const std::string_view before = text_.substr(start, offset - start);
    const auto continuation = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; };
    const auto column =
        before.size() -
        static_cast<std::size_t>(std::count_if(before.begin(), before.end(), continuation)) + 1;
    Location where{file_, static_cast<int>(next - starts_.begin()), static_cast<int>(column), {}};
    const std::string_view rest = text_.substr(start, kMaximumLineShown + 1);
    std::string_view line = rest.substr(0, rest.find('\n'));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    if (line.size() <= kMaximumLineShown) where.text = std::string(line);
    return where;
  }

 private:
  std::string_view text_;
  const std::string& file_;
  std::vector<std::size_t> starts_;
};

// Whether the quoted scalar that `text` begins with ends: yaml-cpp 0.7 takes the end of the file
// for a closing quote.
bool is_closed(std::string_view text) {
  const char quote = text.empty() ? '\0' : text.front();
  if (quote != '"' && quote != '\'') return true;  // a block scalar
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || !text.substr(i + 1).starts_with('\'')) return true;
      ++i;
    }
  }
  return false;
}

class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(std::string_view text, const Places& places) : text_(text), places_(places) {}

  const std::optional<Error>& error() const { return error_; }
  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) {
      refuse(offset(mark), "a second document begins here; a file holds one",
             "remove the '---' and what follows it");
    }
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (!usable(mark, anchor, "")) return;
    std::size_t at = offset(mark);
    const std::string_view rest = text_.substr(at);
    if (!rest.starts_with('~') && !rest.starts_with("null") && !rest.starts_with("Null") &&
        !rest.starts_with("NULL")) {
      // yaml-cpp gives a missing value the place of the next token, often a line below.
      const std::size_t last = text_.substr(0, at).find_last_not_of(" \t\r\n");
      at = last == std::string_view::npos ? 0 : last;
    }
    add(Node::null(places_.at(at)), at);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    refuse(offset(mark), "aliases (*name) are not allowed", "write the value out");
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (!usable(mark, anchor, tag)) return;
    const bool quoted = tag == "!";  // yaml-cpp marks plain scalars with "?"
    if (quoted && !is_closed(text_.substr(offset(mark)))) {
      return refuse(offset(mark), "a quoted text is not closed", "add the missing quote");
    }
    add(Node::scalar(value, places_.at(offset(mark)), quoted), offset(mark));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::sequence);
  }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }

  void OnSequenceEnd() override {
    if (error_) return;
    Open done = close();
    add(Node::sequence(std::move(done.items), places_.at(done.at)), done.at);
  }
  void OnMapEnd() override {
    if (error_) return;
    Open done = close();
    add(Node::map(std::move(done.entries), places_.at(done.at)), done.at);
  }

 private:
  struct Open {
    Node::Kind kind;
    std::size_t at;
    std::vector<Node> items;
    std::vector<std::pair<Node, Node>> entries;
    std::optional<Node> key;          // waits for its value
    std::map<std::string, int> seen;  // key -> line
  };

  std::size_t offset(const YAML::Mark& mark) const {
    return mark.pos < 0 ? 0 : std::min(static_cast<std::size_t>(mark.pos), text_.size());
  }

  void refuse(std::size_t at, std::string message, std::string hint) {
    if (error_) return;
    error_ = Error(Errc::invalid, std::move(message)).at(places_.at(at)).hint(std::move(hint));
  }

  bool usable(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& tag) {
    if (error_) return false;
    const std::size_t at = offset(mark);
    const char first = at < text_.size() ? text_[at] : '\0';
    if (anchor != YAML::NullAnchor || first == '&') {
      refuse(at, "anchors (&name) are not allowed", "write the value out where it is needed");
    } else if (first == '!' || (!tag.empty() && tag != "?" && tag != "!")) {
      refuse(at, "tags (!name) are not allowed", "quote a text that begins with '!'");
    } else if (++values_ > kMaximumValues) {
      refuse(at, "the document has more than 100000 values", "split it");
    }
    return !error_;
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
            Node::Kind kind) {
    if (!usable(mark, anchor, tag)) return;
    if (expects_key()) {
      return refuse(offset(mark), "a key must be a simple text, not a list or a map",
                    "quote a text that begins with '[' or '{'");
    }
    if (stack_.size() >= kMaximumDepth) {
      return refuse(offset(mark), "the document is nested deeper than 64 levels", "flatten it");
    }
    stack_.push_back({.kind = kind, .at = offset(mark)});
  }

  Open close() {
    Open done = std::move(stack_.back());
    stack_.pop_back();
    return done;
  }

  bool expects_key() const {
    return !stack_.empty() && stack_.back().kind == Node::Kind::map && !stack_.back().key;
  }

  void add(Node node, std::size_t at) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = stack_.back();
    if (parent.kind == Node::Kind::sequence) {
      parent.items.push_back(std::move(node));
    } else if (parent.key) {
      parent.entries.emplace_back(std::move(*parent.key), std::move(node));
      parent.key.reset();
    } else {
      add_key(parent, std::move(node), at);
    }
  }

  void add_key(Open& parent, Node key, std::size_t at) {
    if (!key.is_scalar()) return refuse(at, "a key is missing before ':'", "");
    if (key.text() == "<<" && !key.quoted()) {
      return refuse(at, "merge keys (<<) are not allowed", "write the keys out");
    }
    const auto [first, is_new] = parent.seen.emplace(key.text(), key.where().line);
    if (!is_new) {
      return refuse(at, "the key \"" + key.text() + "\" stands twice in one map",
                    "it is already in line " + std::to_string(first->second) + "; remove one");
    }
    parent.key = std::move(key);
  }

  std::string_view text_;
  const Places& places_;
  std::vector<Open> stack_;
  Node root_;
  std::optional<Error> error_;
  std::size_t values_ = 0;
  int documents_ = 0;
};

struct Saying {
  std::string_view library;  // how yaml-cpp's message begins
  const char* message;
  const char* hint;
};

constexpr Saying kSayings[] = {
    {"illegal map value", "a ':' stands where no value can begin",
     "quote a text that contains ': ', and check the indentation of this line and the one above"},
    {"illegal map key", "a key cannot stand here", "check the indentation of this line"},
    {"illegal block entry", "a list item '-' cannot stand here",
     "check the indentation of this line"},
    {"end of map not found", "this line does not fit the map it stands in",
     "a map has lines \"key: value\", all with the same indentation"},
    {"end of sequence not found", "this line does not fit the list it stands in",
     "a list has lines \"- item\", all with the same indentation"},
    {"end of map flow not found", "a '{' is not closed", "add the missing '}' or ','"},
    {"end of sequence flow not found", "a '[' is not closed", "add the missing ']' or ','"},
    {"illegal flow end", "a ']' or '}' closes nothing", "remove it, or quote the text"},
    {"invalid unicode", "an escape names half a character (a surrogate)",
     "write the character itself, or \\U and eight digits"},
    {"illegal tab", "a tab stands in the indentation", "indent with spaces"},
    {"unknown token", "a text cannot begin with this character", "quote the text"},
    {"unknown escape character", "an unknown escape stands in a double-quoted text",
     "write \\\\ for a backslash, or use single quotes"},
    {"the referenced anchor is not defined", "aliases (*name) are not allowed",
     "quote a text that begins with '*'"},
};

Error syntax_error(const YAML::ParserException& problem, std::string_view text,
                   const Places& places) {
  std::size_t at = text.size();
  if (problem.mark.pos >= 0) at = std::min(at, static_cast<std::size_t>(problem.mark.pos));
  Location where = places.at(at);
  const std::size_t first_ink = where.text.find_first_not_of(" \t");
  const std::size_t tab = where.text.find('\t');
  if (tab < first_ink) {
    where.column = static_cast<int>(tab) + 1;
    return Error(Errc::invalid, "a tab stands in the indentation")
        .at(std::move(where))
        .hint("indent with spaces");
  }
  for (const Saying& saying : kSayings) {
    if (!std::string_view(problem.msg).starts_with(saying.library)) continue;
    return Error(Errc::invalid, saying.message).at(std::move(where)).hint(saying.hint);
  }
  return Error(Errc::invalid, "this is not valid YAML: " + problem.msg).at(std::move(where));
}

}  // namespace

Result<Node> parse_yaml(std::string_view text, const std::string& file) {
  if (text.size() > kMaximumBytes) {
    return fail(Error(Errc::invalid, "the document is larger than 4 MiB").at({file, 0, 0, {}}));
  }
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const Places places(text, file);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    if (length == 0) {
      Location where = places.at(at);
      where.text.clear();  // it would not print
      return fail(Error(Errc::invalid, "a character that is not printable UTF-8 text")
                      .at(std::move(where))
                      .hint("save the file as UTF-8 without control characters"));
    }
    at += length;
  }
  TreeBuilder builder(text, places);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    // A second round finds what follows the first document.
    for (int round = 0; round < 2 && !builder.error(); ++round) {
      if (!parser.HandleNextDocument(builder)) break;
    }
  } catch (const YAML::ParserException& problem) {
    // A mistake the builder saw stands before the one that stopped the parser.
    if (!builder.error()) return fail(syntax_error(problem, text, places));
  } catch (const std::exception& problem) {
    if (!builder.error()) {
      return fail(Error(Errc::invalid, std::string("this is not valid YAML: ") + problem.what())
                      .at({file, 0, 0, {}}));
    }
  }
  if (builder.error()) return fail(*builder.error());
  Node root = builder.take_root();
  if (root.is_null() && root.where().line == 0) return Node::null({file, 1, 1, {}});
  return root;
}

}  // namespace imgforge::document
