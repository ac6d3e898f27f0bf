// Reads the keys of one map with demanded types. The first mistake wins and comes out of finish(),
// with file, line, column, the line itself and the nearest known key; until then getters return
// empty values, so that a decoder reads as a list of fields followed by one TRY(fields.finish()).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "document/node.h"

namespace imgforge::document {

class Fields {
 public:
  /// `what` names the thing for people: "the layer", "config".
  Fields(Node map, std::string what);

  std::string text(const char* key);  // required
  std::string text_or(const char* key, std::string fallback);
  std::optional<std::string> optional_text(const char* key);
  bool flag_or(const char* key, bool fallback);  // true | false only
  std::int64_t integer_or(const char* key, std::int64_t fallback);
  std::vector<std::string> texts(const char* key);  // required list of scalars
  std::vector<std::string> texts_or_empty(const char* key);
  std::map<std::string, std::string> text_map_or_empty(const char* key);
  /// One of `allowed`; the error suggests the nearest.
  std::string choice_or(const char* key, std::initializer_list<std::string_view> allowed,
                        std::string fallback);
  Node node(const char* key);  // required
  std::optional<Node> optional_node(const char* key);
  /// A list of maps.
  std::vector<Node> maps_or_empty(const char* key);

  /// Where the value of `key` stands (or the map itself).
  Location where(const char* key) const;
  bool has(const char* key) const;
  /// Records the caller's own complaint about a value.
  void reject(const char* key, std::string message, std::string hint = {});
  void fail_with(Error error);

  /// Fails on the first recorded mistake, else on any key nobody asked for.
  Result<> finish();

 private:
  std::optional<Node> get(const char* key, bool required);
  std::optional<Error> unknown_key() const;
  Node map_;
  std::string what_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
  std::string missing_;  // the key whose absence is error_, if that is what error_ says
};

}  // namespace imgforge::document
