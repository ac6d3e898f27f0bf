#include "spec/parameters.h"

#include <algorithm>
#include <regex>

#include "base/text.h"
#include "document/fields.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

// std::regex works recursively: values that a pattern checks are short.
constexpr std::size_t kMaximumPatternInput = 256;

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_name(std::string_view text) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), allowed);
}

/// nullopt: the pattern itself is wrong.
std::optional<bool> matches(const std::string& pattern, const std::string& text) {
  try {
    const std::regex regex(pattern, std::regex::ECMAScript);
    return text.size() <= kMaximumPatternInput && std::regex_match(text, regex);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

Result<Parameter> parse_parameter(const Node& key, const Node& node) {
  Parameter parameter;
  parameter.name = key.text();
  if (!is_name(parameter.name)) {
    return fail(key.error(quote(parameter.name) + " cannot be the name of a parameter")
                    .hint("a name is a lower-case letter, then letters, digits or '_'"));
  }
  Fields fields(node, "the parameter " + parameter.name);
  const std::string type = fields.choice_or("type", {"string", "list", "bool"}, "string");
  parameter.type = type == "list"   ? Parameter::Type::list
                   : type == "bool" ? Parameter::Type::flag
                                    : Parameter::Type::text;
  parameter.fallback = fields.optional_node("default");
  const bool optional = fields.has("default") || fields.has("required");
  parameter.required = fields.flag_or("required", !optional);
  parameter.choices = fields.texts_or_empty("choices");
  parameter.pattern = fields.text_or("pattern", "");
  parameter.summary = fields.text_or("summary", "");
  if (parameter.required && fields.has("default")) {
    fields.reject("required", "a required parameter has no default", "remove one of the two");
  }
  if (!parameter.pattern.empty() && !matches(parameter.pattern, "")) {
    fields.reject("pattern", quote(parameter.pattern) + " is not a regular expression");
  }
  if (parameter.type == Parameter::Type::flag &&
      (!parameter.choices.empty() || !parameter.pattern.empty())) {
    fields.reject("type", "a bool has no choices and no pattern");
  }
  TRY(fields.finish());
  return parameter;
}

Result<> check_text(const Parameter& parameter, const Node& value, const std::string& definition) {
  const std::string what = "the parameter " + parameter.name + " of " + definition;
  if (!value.is_scalar()) return fail(value.error(what + " must be a text"));
  const std::string& text = value.text();
  if (!parameter.choices.empty() && std::find(parameter.choices.begin(), parameter.choices.end(),
                                              text) == parameter.choices.end()) {
    const std::vector<std::string_view> names(parameter.choices.begin(), parameter.choices.end());
    const auto near = base::nearest(text, names);
    return fail(value.error(what + " cannot be " + quote(text))
                    .hint((near ? "did you mean " + quote(*near) + "? " : "") +
                          "possible are: " + base::join(parameter.choices, ", ")));
  }
  if (!parameter.pattern.empty() && !matches(parameter.pattern, text).value_or(false)) {
    return fail(value.error(what + " cannot be " + quote(text))
                    .hint("it must match " + parameter.pattern +
                          (parameter.summary.empty() ? "" : " (" + parameter.summary + ")")));
  }
  return {};
}

Result<> check_value(const Parameter& parameter, const Node& value, const std::string& definition) {
  const std::string what = "the parameter " + parameter.name + " of " + definition;
  switch (parameter.type) {
    case Parameter::Type::text:
      return check_text(parameter, value, definition);
    case Parameter::Type::flag:
      if (value.is_scalar() && !value.quoted() &&
          (value.text() == "true" || value.text() == "false")) {
        return {};
      }
      return fail(value.error(what + " must be true or false"));
    case Parameter::Type::list:
      if (!value.is_sequence()) {
        return fail(value.error(what + " must be a list")
                        .hint(value.is_scalar() ? "write [" + value.text() + "]" : ""));
      }
      if (parameter.choices.empty() && parameter.pattern.empty()) return {};
      for (const Node& item : value.items()) TRY(check_text(parameter, item, definition));
      return {};
  }
  return {};
}

Result<> check_names(const std::vector<Parameter>& parameters, const Node& with,
                     const std::string& definition) {
  std::vector<std::string_view> names;
  std::vector<std::string> list;
  for (const Parameter& parameter : parameters) {
    names.push_back(parameter.name);
    list.push_back(parameter.name);
  }
  for (const auto& [key, value] : with.entries()) {
    if (std::find(names.begin(), names.end(), key.text()) != names.end()) continue;
    const auto near = base::nearest(key.text(), names);
    return fail(key.error(definition + " has no parameter " + quote(key.text()))
                    .hint(near           ? "did you mean " + quote(*near) + "?"
                          : list.empty() ? "it has no parameters at all"
                                         : "its parameters are: " + base::join(list, ", ")));
  }
  return {};
}

}  // namespace

Result<std::vector<Parameter>> parse_parameters(const Node& node) {
  std::vector<Parameter> parameters;
  if (!node.is_map()) return fail(node.error("\"parameters\" must be a map: name, then type …"));
  for (const auto& [key, value] : node.entries()) {
    parameters.push_back(TRY(parse_parameter(key, value)));
  }
  return parameters;
}

Result<Bindings> bind(const std::vector<Parameter>& parameters, const Node& use,
                      const std::string& definition) {
  const Node with = use.find("with").value_or(Node());
  if (!with.is_map() && !with.is_null()) {
    return fail(with.error("\"with\" must be a map of parameters"));
  }
  TRY(check_names(parameters, with, definition));
  Bindings bindings;
  for (const Parameter& parameter : parameters) {
    Node value = with.find(parameter.name).value_or(Node());
    if (value.is_null() && parameter.fallback) {
      value = TRY(substitute(*parameter.fallback, bindings));
    }
    if (value.is_null() && parameter.required) {
      const std::string example = parameter.choices.empty() ? "…" : parameter.choices.front();
      const std::string meaning = parameter.summary.empty() ? "" : ": " + parameter.summary;
      return fail(use.error(definition + " needs the parameter " + parameter.name + meaning)
                      .hint("write with: {" + parameter.name + ": " + example + "}"));
    }
    if (!value.is_null()) TRY(check_value(parameter, value, definition));
    bindings.emplace(parameter.name, std::move(value));
  }
  return bindings;
}

}  // namespace imgforge::spec
