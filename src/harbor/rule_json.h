// The JSON of immutability rules and retention policies (Harbor 2.12 to 2.15). Of an immutability
// rule Harbor evaluates the first selector of each kind only, so that is what is read.
#pragma once

#include <string>
#include <vector>

#include "harbor/types.h"

namespace imgforge::harbor {

Result<std::vector<ImmutableRule>> read_immutable_rules(const std::vector<std::string>& pages);
/// With its id, which a PUT has to repeat.
std::string immutable_rule_json(const ImmutableRule& rule);

Result<Retention> read_retention(std::string_view json);
std::string retention_json(const Retention& retention, std::int64_t project_id);

}  // namespace imgforge::harbor
