#include "document/fields.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::document {

namespace {

std::string kind_of(const Node& node) {
  switch (node.kind()) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return "a single value";
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return {};
}

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

Error wrong_kind(const Node& node, const char* key, const char* wanted) {
  return node.error(quote(key) + " must be " + wanted + ", and here stands " + kind_of(node));
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  const bool negative = text.starts_with('-');
  const auto value = base::parse_uint(text.substr(negative ? 1 : 0));
  if (!value || *value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  const auto magnitude = static_cast<std::int64_t>(*value);
  return negative ? -magnitude : magnitude;
}

}  // namespace

Fields::Fields(Node map, std::string what) : map_(std::move(map)), what_(std::move(what)) {
  if (map_.is_map()) return;
  error_ = map_.error(what_ + " must be a map of keys, and here stands " + kind_of(map_));
}

std::optional<Node> Fields::get(const char* key, bool required) {
  known_.emplace_back(key);
  auto found = map_.find(key);
  if (found && !found->is_null()) return found;
  if (!required || error_) return std::nullopt;
  if (found) {
    error_ = found->error(quote(key) + " of " + what_ + " has no value");
  } else {
    error_ = map_.error(what_ + " lacks the key " + quote(key));
    missing_ = key;
  }
  return std::nullopt;
}

std::string Fields::text(const char* key) {
  const auto node = get(key, true);
  if (!node) return {};
  if (!node->is_scalar()) return fail_with(wrong_kind(*node, key, "a text")), std::string();
  return node->text();
}

std::optional<std::string> Fields::optional_text(const char* key) {
  const auto node = get(key, false);
  if (!node) return std::nullopt;
  if (!node->is_scalar()) return fail_with(wrong_kind(*node, key, "a text")), std::nullopt;
  return node->text();
}

std::string Fields::text_or(const char* key, std::string fallback) {
  auto found = optional_text(key);
  return found ? std::move(*found) : std::move(fallback);
}

bool Fields::flag_or(const char* key, bool fallback) {
  const auto node = get(key, false);
  if (!node) return fallback;
  if (node->is_scalar() && !node->quoted()) {
    if (node->text() == "true") return true;
    if (node->text() == "false") return false;
  }
  fail_with(node->error(quote(key) + " must be true or false"));
  return fallback;
}

std::int64_t Fields::integer_or(const char* key, std::int64_t fallback) {
  const auto node = get(key, false);
  if (!node) return fallback;
  if (node->is_scalar() && !node->quoted()) {
    if (const auto value = parse_integer(node->text())) return *value;
  }
  fail_with(node->error(quote(key) + " must be a whole number"));
  return fallback;
}

std::vector<std::string> Fields::texts(const char* key) {
  if (!get(key, true)) return {};
  return texts_or_empty(key);
}

std::vector<std::string> Fields::texts_or_empty(const char* key) {
  std::vector<std::string> out;
  const auto node = get(key, false);
  if (!node) return out;
  if (!node->is_sequence()) {
    const std::string advice = node->is_scalar() ? "write [" + node->text() + "]" : "";
    fail_with(wrong_kind(*node, key, "a list of texts").hint(advice));
    return out;
  }
  for (const Node& item : node->items()) {
    if (!item.is_scalar()) {
      fail_with(item.error("an item of " + quote(key) + " must be a text, and here stands " +
                           kind_of(item)));
      return {};
    }
    out.push_back(item.text());
  }
  return out;
}

std::map<std::string, std::string> Fields::text_map_or_empty(const char* key) {
  std::map<std::string, std::string> out;
  const auto node = get(key, false);
  if (!node) return out;
  if (!node->is_map()) {
    fail_with(wrong_kind(*node, key, "a map of texts"));
    return out;
  }
  for (const auto& [name, value] : node->entries()) {
    if (!value.is_scalar()) {
      fail_with(value.error(quote(name.text()) + " in " + quote(key) +
                            " must be a text, and here stands " + kind_of(value)));
      return {};
    }
    out.emplace(name.text(), value.text());
  }
  return out;
}

std::string Fields::choice_or(const char* key, std::initializer_list<std::string_view> allowed,
                              std::string fallback) {
  const auto node = get(key, false);
  if (!node) return fallback;
  if (!node->is_scalar()) return fail_with(wrong_kind(*node, key, "a text")), fallback;
  const std::string& value = node->text();
  if (std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return value;
  const std::vector<std::string_view> candidates(allowed);
  const auto near = base::nearest(value, candidates);
  const std::vector<std::string> names(allowed.begin(), allowed.end());
  fail_with(node->error(quote(key) + " cannot be " + quote(value))
                .hint((near ? "did you mean " + quote(*near) + "? " : "") +
                      "possible are: " + base::join(names, ", ")));
  return fallback;
}

Node Fields::node(const char* key) { return get(key, true).value_or(Node()); }
std::optional<Node> Fields::optional_node(const char* key) { return get(key, false); }

std::vector<Node> Fields::maps_or_empty(const char* key) {
  const auto node = get(key, false);
  if (!node) return {};
  if (!node->is_sequence())
    return fail_with(wrong_kind(*node, key, "a list of maps")), std::vector<Node>();
  for (const Node& item : node->items()) {
    if (item.is_map()) continue;
    fail_with(item.error("an item of " + quote(key) + " must be a map, and here stands " +
                         kind_of(item)));
    return {};
  }
  return {node->items().begin(), node->items().end()};
}

Location Fields::where(const char* key) const {
  const auto found = map_.find(key);
  return found ? found->where() : map_.where();
}

bool Fields::has(const char* key) const { return map_.find(key).has_value(); }

void Fields::reject(const char* key, std::string message, std::string hint) {
  fail_with(Error(Errc::invalid, std::move(message)).at(where(key)).hint(std::move(hint)));
}

void Fields::fail_with(Error error) {
  if (!error_) error_ = std::move(error);
}

std::optional<Error> Fields::unknown_key() const {
  const std::vector<std::string_view> known(known_.begin(), known_.end());
  for (const auto& [key, value] : map_.entries()) {
    if (std::find(known.begin(), known.end(), key.text()) != known.end()) continue;
    Error error = key.error(what_ + " has no key " + quote(key.text()));
    if (const auto near = base::nearest(key.text(), known)) {
      return std::move(error).hint("did you mean " + quote(*near) + "?").with("nearest", *near);
    }
    std::vector<std::string> names = known_;
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return std::move(error).hint("its keys are: " + base::join(names, ", "));
  }
  return std::nullopt;
}

Result<> Fields::finish() {
  if (error_ && missing_.empty()) return fail(*error_);
  const auto unknown = map_.is_map() ? unknown_key() : std::nullopt;
  // A misspelt key is both unknown and missing; the spelling is what helps.
  const bool misspelt =
      unknown && !unknown->facts().empty() && unknown->facts()[0].second == missing_;
  if (error_ && !misspelt) return fail(*error_);
  if (unknown) return fail(*unknown);
  return {};
}

}  // namespace imgforge::document
