#include "spec/matrix_axes.h"

#include <algorithm>

#include "base/text.h"
#include "document/fields.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_axis_name(std::string_view text) {
  return !text.empty() && text.size() <= 32 && text.front() >= 'a' && text.front() <= 'z' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Result<Node> check_name(const Node& key) {
  if (is_axis_name(key.text())) return key;
  return fail(key.error(quote(key.text()) + " cannot be the name of an axis or parameter")
                  .hint("a name is a lower-case letter, then letters, digits or '_'"));
}

Result<AxisValue> read_value(const Node& item, const Axis& axis) {
  AxisValue value{item, {}};
  if (item.is_map()) {
    Fields fields(item, "a value of the axis " + axis.name);
    value.node = fields.node("value");
    const auto with = fields.optional_node("with");
    TRY(fields.finish());
    if (with && !with->is_map()) return fail(with->error("\"with\" must be a map of parameters"));
    if (with) {
      for (const auto& [key, given] : with->entries()) {
        TRY(check_name(key));
        value.with.emplace(key.text(), given);
      }
    }
  }
  if (!value.node.is_scalar() || value.node.text().empty()) {
    return fail(value.node.error("a value of the axis " + axis.name + " must be a text")
                    .hint("write \"12.4\", or {value: \"12.4\", with: {…}}"));
  }
  const auto same = [&](const AxisValue& one) { return one.node.text() == value.node.text(); };
  if (std::any_of(axis.values.begin(), axis.values.end(), same)) {
    return fail(
        value.node.error("the axis " + axis.name + " has " + quote(value.node.text()) + " twice"));
  }
  return value;
}

Result<Axis> read_axis(const Node& key, const Node& node) {
  TRY(check_name(key));
  Axis axis{.name = key.text(), .values = {}, .brings = {}};
  if (!node.is_sequence() || node.items().empty()) {
    return fail(node.error("the axis " + axis.name + " must be a list with at least one value")
                    .hint(node.is_scalar() ? "write [" + quote(node.text()) + "]" : ""));
  }
  for (const Node& item : node.items()) {
    axis.values.push_back(TRY(read_value(item, axis)));
    for (const auto& [name, given] : axis.values.back().with) axis.brings.insert(name);
  }
  return axis;
}

Result<std::vector<std::string>> read_excluded(const Node& node, const Axis& axis) {
  std::vector<Node> wanted;
  if (node.is_sequence()) {
    wanted.assign(node.items().begin(), node.items().end());
  } else {
    wanted.push_back(node);
  }
  std::vector<std::string_view> known;
  for (const AxisValue& value : axis.values) known.push_back(value.node.text());
  std::vector<std::string> values;
  for (const Node& one : wanted) {
    if (one.is_scalar() && std::find(known.begin(), known.end(), one.text()) != known.end()) {
      values.push_back(one.text());
      continue;
    }
    const std::string said = one.is_scalar() ? quote(one.text()) : "this";
    const auto near = one.is_scalar() ? base::nearest(one.text(), known) : std::nullopt;
    std::vector<std::string> list(known.begin(), known.end());
    return fail(one.error("the axis " + axis.name + " has no value " + said)
                    .hint(near ? "did you mean " + quote(*near) + "?"
                               : "its values are: " + base::join(list, ", ")));
  }
  return values;
}

}  // namespace

Result<std::vector<Axis>> read_axes(const Node& node) {
  if (!node.is_map() || node.entries().empty()) {
    return fail(node.error("\"axes\" must be a map with at least one axis")
                    .hint("write torch: [\"2.6.0\", \"2.5.1\"]"));
  }
  std::vector<Axis> axes;
  std::set<std::string> names;
  for (const auto& [key, value] : node.entries()) {
    axes.push_back(TRY(read_axis(key, value)));
    names.insert(axes.back().name);
  }
  for (const Axis& axis : axes) {
    for (const std::string& name : axis.brings) {
      if (names.insert(name).second) continue;
      return fail(node.error("the parameter " + name + ", which the axis " + axis.name +
                             " brings, is given elsewhere too")
                      .hint("two axes cannot decide about one name"));
    }
  }
  return axes;
}

Result<std::vector<Exclusion>> read_exclusions(const std::vector<Node>& nodes,
                                               const std::vector<Axis>& axes) {
  std::vector<Exclusion> exclusions;
  for (const Node& node : nodes) {
    Fields fields(node, "the exclusion");
    Exclusion exclusion{.place = node, .where = {}, .reason = fields.text("reason"), .used = false};
    const Node where = fields.node("where");
    if (fields.has("reason") && base::trim(exclusion.reason).empty()) {
      fields.reject("reason", "an exclusion needs its reason", "say why nobody wants these cells");
    }
    TRY(fields.finish());
    if (!where.is_map() || where.entries().empty()) {
      return fail(where.error("\"where\" must be a map: axis, then one value or a list"));
    }
    for (const auto& [key, value] : where.entries()) {
      const auto axis = std::find_if(axes.begin(), axes.end(),
                                     [&](const Axis& one) { return one.name == key.text(); });
      if (axis == axes.end()) {
        std::vector<std::string> names;
        for (const Axis& one : axes) names.push_back(one.name);
        return fail(key.error("there is no axis " + quote(key.text()))
                        .hint("the axes are: " + base::join(names, ", ")));
      }
      exclusion.where.emplace_back(key.text(), TRY(read_excluded(value, *axis)));
    }
    exclusions.push_back(std::move(exclusion));
  }
  return exclusions;
}

bool matches(const Exclusion& exclusion,
             const std::vector<std::pair<std::string, std::string>>& position) {
  return std::all_of(exclusion.where.begin(), exclusion.where.end(), [&](const auto& wanted) {
    const auto at = std::find_if(position.begin(), position.end(),
                                 [&](const auto& one) { return one.first == wanted.first; });
    return at != position.end() &&
           std::find(wanted.second.begin(), wanted.second.end(), at->second) != wanted.second.end();
  });
}

}  // namespace imgforge::spec
