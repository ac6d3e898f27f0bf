// JSON for codecs: parse with limits, read fields with demanded types, write canonically.
// Only codec .cpp files include this; JSON values do not travel between rooms.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::base {

using Json = nlohmann::json;  // objects are sorted by key: canonical by construction

/// Strict JSON (RFC 8259), at most `maximum_depth` deep, duplicate keys refused.
/// `name` says which document it is, for the error ("the lock specs/x.lock.json").
Result<Json> parse_json(std::string_view text, const std::string& name, int maximum_depth = 64);

/// Sorted keys, no spaces: what digests and keys are computed from.
std::string canonical_json(const Json& value);
/// Sorted keys, two spaces, a final newline: what people and git read.
std::string pretty_json(const Json& value);

/// Reads the fields of one JSON object. The first wrong field makes finish() fail; getters then
/// return empty values, so that a decoder reads as a list of fields and one finish().
class JsonReader {
 public:
  /// `path` is where this object stands in its document ("lock.layers[2]").
  JsonReader(const Json& object, std::string path);

  std::string text(const char* key);
  std::string text_or(const char* key, std::string fallback);
  std::optional<std::string> optional_text(const char* key);
  std::uint64_t number(const char* key);
  std::uint64_t number_or(const char* key, std::uint64_t fallback);
  bool flag_or(const char* key, bool fallback);
  std::vector<std::string> texts(const char* key);  // required array of strings
  std::vector<std::string> texts_or_empty(const char* key);
  std::map<std::string, std::string> text_map_or_empty(const char* key);
  /// The value, or null when missing (reads as an error only if `required`).
  const Json& value(const char* key, bool required = true);
  /// An array of objects: one reader each.
  std::vector<JsonReader> objects(const char* key);
  std::vector<JsonReader> objects_or_empty(const char* key);
  std::optional<JsonReader> object(const char* key, bool required = true);

  /// Records a failure of the caller's own check on a field.
  void reject(const char* key, std::string why);
  const std::string& path() const { return path_; }

  /// For our own documents: every key must have been asked for.
  Result<> finish();
  /// For foreign documents: unknown keys are fine.
  Result<> finish_tolerant();

 private:
  const Json* find(const char* key, bool required);
  const Json* object_;
  std::string path_;
  std::vector<std::string> seen_;
  std::optional<std::string> error_;
};

}  // namespace imgforge::base
