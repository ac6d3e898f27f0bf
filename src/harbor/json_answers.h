// What the codecs of this room share: answers of Harbor as JSON. Only codec .cpp files include
// this.
#pragma once

#include <functional>

#include "base/json.h"

namespace imgforge::harbor {

/// A document of Harbor's that cannot be read is Errc::protocol; no text of it is quoted.
inline Result<base::Json> read_answer(std::string_view text, const std::string& name) {
  auto json = base::parse_json(text, name);
  if (!json) return fail(Errc::protocol, name + " from Harbor is not valid JSON");
  return json;
}

inline Result<> accepted(base::JsonReader& reader) {
  auto finished = reader.finish_tolerant();
  if (!finished) return fail(Errc::protocol, "Harbor answered: " + finished.error().message());
  return {};
}

/// A number that may be negative (-1 means unlimited, forever).
inline std::int64_t signed_number(base::JsonReader& reader, const char* key,
                                  std::int64_t fallback) {
  const base::Json& value = reader.value(key, false);
  if (value.is_null()) return fallback;
  if (!value.is_number_integer()) return reader.reject(key, "must be a whole number"), fallback;
  return value.get<std::int64_t>();
}

/// Every object of every page; a page may be null where it is empty.
template <class T>
Result<std::vector<T>> read_list(const std::vector<std::string>& pages, const std::string& name,
                                 const std::function<Result<T>(base::JsonReader)>& read) {
  std::vector<T> out;
  for (const std::string& page : pages) {
    const base::Json json = TRY(read_answer(page, name));
    if (json.is_null()) continue;
    if (!json.is_array()) return fail(Errc::protocol, name + " from Harbor is no list");
    for (std::size_t i = 0; i < json.size(); ++i) {
      out.push_back(TRY(read(base::JsonReader(json[i], name + "[" + std::to_string(i) + "]"))));
    }
  }
  return out;
}

}  // namespace imgforge::harbor
