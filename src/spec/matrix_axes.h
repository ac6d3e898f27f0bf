// The axes of a matrix and its exclusions, as they stand in the file.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "document/node.h"
#include "spec/parameters.h"

namespace imgforge::spec {

struct AxisValue {
  document::Node node;  // the value itself, a scalar
  Bindings with;        // what ${name} is besides, where the axis has this value
};

struct Axis {
  std::string name;
  std::vector<AxisValue> values;
  std::set<std::string> brings;  // every name that one of the values gives in `with`
};

struct Exclusion {
  document::Node place;
  std::vector<std::pair<std::string, std::vector<std::string>>> where;  // axis -> its values
  std::string reason;
  bool used = false;
};

Result<std::vector<Axis>> read_axes(const document::Node& node);
Result<std::vector<Exclusion>> read_exclusions(const std::vector<document::Node>& nodes,
                                               const std::vector<Axis>& axes);
/// Whether every axis that the exclusion names has one of its values.
bool matches(const Exclusion& exclusion,
             const std::vector<std::pair<std::string, std::string>>& position);

}  // namespace imgforge::spec
