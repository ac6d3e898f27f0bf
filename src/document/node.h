// A text document as a tree in which every value knows its line and column: YAML (1.2 core, a safe
// subset) and JSON come in, errors with a caret go out.
// Refused with a place: duplicate keys, anchors, aliases, merge keys, tags, several documents,
// nesting deeper than 64. Scalars keep their text; types are the reader's business ("no" is the
// text no, 012 is the text 012).
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace imgforge::document {

/// An immutable value; copies are cheap and keep the document alive.
class Node {
 public:
  enum class Kind { null, scalar, sequence, map };

  Node();  // null, nowhere
  static Node null(Location where);
  static Node scalar(std::string text, Location where, bool quoted = false);
  static Node sequence(std::vector<Node> items, Location where);
  static Node map(std::vector<std::pair<Node, Node>> entries, Location where);

  Kind kind() const;
  bool is_null() const { return kind() == Kind::null; }
  bool is_scalar() const { return kind() == Kind::scalar; }
  bool is_sequence() const { return kind() == Kind::sequence; }
  bool is_map() const { return kind() == Kind::map; }

  const std::string& text() const;  // of a scalar
  bool quoted() const;              // "1" or '1' rather than 1
  std::span<const Node> items() const;
  /// In the order of the document.
  std::span<const std::pair<Node, Node>> entries() const;
  std::optional<Node> find(std::string_view key) const;
  const Location& where() const;

  /// An error about this value (Errc::invalid), with its place.
  Error error(std::string message) const;

 private:
  struct Data;
  explicit Node(std::shared_ptr<const Data> data);
  std::shared_ptr<const Data> data_;
};

/// YAML; JSON is a subset of it. `file` is the name shown in errors.
Result<Node> parse_yaml(std::string_view text, const std::string& file);

/// The value as canonical JSON text (sorted keys; scalars typed by YAML's core schema unless
/// quoted): what digests over "parsed content" are computed from, so that comments, order of keys
/// and line ends do not count.
std::string canonical(const Node& node);

}  // namespace imgforge::document
