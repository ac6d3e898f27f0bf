// Results for people (aligned text) and for machines (JSON, keys sorted). Versions of the JSON
// documents: docs/formats/channels.md "JSON of the commands".
#pragma once

#include <string>
#include <vector>

#include "release/history.h"
#include "release/move.h"
#include "release/tag_list.h"

namespace imgforge::release {

/// One line per gate with its evidence; below a failed gate its remedy.
std::string gates_text(const std::vector<GateResult>& gates);

/// What is planned: image, channel before and after, gates, steps.
std::string plan_text(const MovePlan& plan);
/// `result` is null for a dry run.
std::string move_json(const MovePlan& plan, const MoveResult* result);

std::string history_text(const History& history);
std::string history_json(const History& history);

std::string tags_text(const TagList& list, base::Seconds now);
std::string tags_json(const TagList& list);

}  // namespace imgforge::release
