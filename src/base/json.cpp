#include "base/json.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::base {
namespace {

// Counts depth and finds duplicate keys while nlohmann's parser builds the tree.
class Guard {
 public:
  explicit Guard(int maximum_depth) : maximum_depth_(maximum_depth) {}
  bool operator()(int depth, Json::parse_event_t event, Json& value) {
    if (depth > maximum_depth_ && problem_.empty()) problem_ = "it is nested too deeply";
    switch (event) {
      case Json::parse_event_t::object_start:
        keys_.emplace_back();
        break;
      case Json::parse_event_t::object_end:
        keys_.pop_back();
        break;
      case Json::parse_event_t::key: {
        auto& keys = keys_.back();
        const std::string& key = value.get_ref<const std::string&>();
        if (!keys.emplace(key, true).second && problem_.empty()) {
          problem_ = "the key \"" + key + "\" stands twice in one object";
        }
        break;
      }
      default:
        break;
    }
    return true;
  }
  const std::string& problem() const { return problem_; }

 private:
  int maximum_depth_;
  std::vector<std::map<std::string, bool>> keys_;
  std::string problem_;
};

// A cheap check before the parser recurses or allocates.
bool deeper_than(std::string_view text, int maximum) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > maximum) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& name, int maximum_depth) {
  if (deeper_than(text, maximum_depth)) {
    return fail(Errc::invalid, name + " is not valid: it is nested too deeply");
  }
  Guard guard(maximum_depth);
  try {
    Json value = Json::parse(text.begin(), text.end(), std::ref(guard));
    if (!guard.problem().empty()) {
      return fail(Errc::invalid, name + " is not valid: " + guard.problem());
    }
    return value;
  } catch (const Json::parse_error& error) {
    Location where;
    where.file = name;
    const std::size_t at = std::min<std::size_t>(error.byte > 0 ? error.byte - 1 : 0, text.size());
    where.line =
        1 + static_cast<int>(std::count(text.begin(), text.begin() + static_cast<long>(at), '\n'));
    const std::size_t line_start = at == 0 ? 0 : text.rfind('\n', at - 1) + 1;
    where.column = static_cast<int>(at - line_start) + 1;
    where.text = std::string(text.substr(line_start, text.find('\n', line_start) - line_start))
                     .substr(0, 200);
    return fail(Error(Errc::invalid, name + " is not valid JSON").at(std::move(where)));
  } catch (const std::exception& error) {
    return fail(Errc::invalid, name + " is not valid JSON: " + error.what());
  }
}

std::string canonical_json(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pretty_json(const Json& value) {
  return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

JsonReader::JsonReader(const Json& object, std::string path)
    : object_(&object), path_(std::move(path)) {
  if (!object.is_object()) error_ = path_ + " must be an object";
}

const Json* JsonReader::find(const char* key, bool required) {
  seen_.emplace_back(key);
  if (!object_->is_object()) return nullptr;
  const auto found = object_->find(key);
  if (found == object_->end() || found->is_null()) {
    if (required) reject(key, "is missing");
    return nullptr;
  }
  return &*found;
}

void JsonReader::reject(const char* key, std::string why) {
  if (!error_) error_ = path_ + "." + key + " " + std::move(why);
}

std::string JsonReader::text(const char* key) {
  const Json* found = find(key, true);
  if (found == nullptr) return {};
  if (!found->is_string()) return reject(key, "must be a string"), std::string();
  return found->get<std::string>();
}

std::optional<std::string> JsonReader::optional_text(const char* key) {
  const Json* found = find(key, false);
  if (found == nullptr) return std::nullopt;
  if (!found->is_string()) return reject(key, "must be a string"), std::nullopt;
  return found->get<std::string>();
}

std::string JsonReader::text_or(const char* key, std::string fallback) {
  auto found = optional_text(key);
  return found ? std::move(*found) : std::move(fallback);
}

std::uint64_t JsonReader::number(const char* key) {
  const Json* found = find(key, true);
  if (found == nullptr) return 0;
  if (!found->is_number_integer() ||
      (!found->is_number_unsigned() && found->get<std::int64_t>() < 0)) {
    return reject(key, "must be a whole number that is not negative"), 0;
  }
  return found->get<std::uint64_t>();
}

std::uint64_t JsonReader::number_or(const char* key, std::uint64_t fallback) {
  if (object_->is_object() && object_->contains(key) && !(*object_)[key].is_null())
    return number(key);
  seen_.emplace_back(key);
  return fallback;
}

bool JsonReader::flag_or(const char* key, bool fallback) {
  const Json* found = find(key, false);
  if (found == nullptr) return fallback;
  if (!found->is_boolean()) return reject(key, "must be true or false"), fallback;
  return found->get<bool>();
}

std::vector<std::string> JsonReader::texts(const char* key) {
  const Json* found = find(key, true);
  std::vector<std::string> out;
  if (found == nullptr) return out;
  if (!found->is_array()) return reject(key, "must be a list"), out;
  for (const Json& item : *found) {
    if (!item.is_string()) return reject(key, "must be a list of strings"), out;
    out.push_back(item.get<std::string>());
  }
  return out;
}

std::vector<std::string> JsonReader::texts_or_empty(const char* key) {
  if (object_->is_object() && object_->contains(key) && !(*object_)[key].is_null())
    return texts(key);
  seen_.emplace_back(key);
  return {};
}

std::map<std::string, std::string> JsonReader::text_map_or_empty(const char* key) {
  const Json* found = find(key, false);
  std::map<std::string, std::string> out;
  if (found == nullptr) return out;
  if (!found->is_object()) return reject(key, "must be an object"), out;
  for (const auto& [name, value] : found->items()) {
    if (!value.is_string()) return reject(key, "must hold strings"), out;
    out.emplace(name, value.get<std::string>());
  }
  return out;
}

const Json& JsonReader::value(const char* key, bool required) {
  static const Json kNull;
  const Json* found = find(key, required);
  return found != nullptr ? *found : kNull;
}

std::vector<JsonReader> JsonReader::objects(const char* key) {
  const Json* found = find(key, true);
  std::vector<JsonReader> out;
  if (found == nullptr) return out;
  if (!found->is_array()) return reject(key, "must be a list"), out;
  for (std::size_t i = 0; i < found->size(); ++i) {
    out.emplace_back((*found)[i], path_ + "." + key + "[" + std::to_string(i) + "]");
  }
  return out;
}

std::vector<JsonReader> JsonReader::objects_or_empty(const char* key) {
  if (object_->is_object() && object_->contains(key) && !(*object_)[key].is_null())
    return objects(key);
  seen_.emplace_back(key);
  return {};
}

std::optional<JsonReader> JsonReader::object(const char* key, bool required) {
  const Json* found = find(key, required);
  if (found == nullptr) return std::nullopt;
  return JsonReader(*found, path_ + "." + key);
}

Result<> JsonReader::finish_tolerant() {
  if (error_) return fail(Errc::invalid, *error_);
  return {};
}

Result<> JsonReader::finish() {
  if (error_) return fail(Errc::invalid, *error_);
  std::vector<std::string_view> known(seen_.begin(), seen_.end());
  for (const auto& [key, value] : object_->items()) {
    if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) continue;
    Error error(Errc::invalid, path_ + " has the unknown key \"" + key + "\"");
    if (const auto near = nearest(key, known)) {
      return fail(std::move(error).hint("did you mean \"" + *near + "\"?"));
    }
    return fail(std::move(error));
  }
  return {};
}

}  // namespace imgforge::base
