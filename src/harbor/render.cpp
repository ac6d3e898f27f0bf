#include "harbor/render.h"

#include <fmt/format.h>

#include <map>

#include "base/json.h"
#include "harbor/aligned.h"

namespace imgforge::harbor {
namespace {

using base::Json;

std::string difference(const Change& change) {
  std::string out;
  switch (change.action) {
    case Action::create:
      out = change.after;
      break;
    case Action::update:
      out = (change.before.empty() ? "-" : change.before) + " -> " +
            (change.after.empty() ? "-" : change.after);
      break;
    case Action::remove:
      out = change.before;
      break;
    case Action::none:
      out = change.after;
      break;
    case Action::keep:
      out = "not in the policy";
      break;
  }
  out = shortened(std::move(out));
  if (!change.note.empty()) out += (out.empty() ? "(" : " (") + change.note + ")";
  return out;
}

TextRow row(std::string_view first, const Change& change) {
  return {std::string(first), change.kind, change.name, difference(change)};
}

std::map<Action, std::size_t> count(const Plan& plan) {
  std::map<Action, std::size_t> counts;
  for (const Change& change : plan.changes) ++counts[change.action];
  return counts;
}

Json change_json(const Change& change) {
  return {{"action", to_string(change.action)},
          {"kind", change.kind},
          {"name", change.name},
          {"before", change.before},
          {"after", change.after},
          {"note", change.note}};
}

Json list_json(const std::vector<Change>& changes) {
  Json list = Json::array();
  for (const Change& change : changes) list.push_back(change_json(change));
  return list;
}

}  // namespace

std::string plan_table(const Plan& plan, bool all) {
  std::vector<TextRow> rows = {{"ACTION", "WHAT", "NAME", "CHANGE"}};
  for (const Change& change : plan.changes) {
    const bool shown = change.action != Action::none || !change.note.empty();
    if (shown || all) rows.push_back(row(to_string(change.action), change));
  }
  auto counts = count(plan);
  const std::string summary = fmt::format(
      "{}: {} to create, {} to update, {} to delete; {} as wanted, {} not in the policy\n",
      plan.project, counts[Action::create], counts[Action::update], counts[Action::remove],
      counts[Action::none], counts[Action::keep]);
  return (rows.size() > 1 ? aligned(rows) : "") + summary;
}

std::string plan_json(const Plan& plan) {
  auto counts = count(plan);
  return base::pretty_json({{"project", plan.project},
                            {"changes", list_json(plan.changes)},
                            {"summary",
                             {{"create", counts[Action::create]},
                              {"update", counts[Action::update]},
                              {"delete", counts[Action::remove]},
                              {"none", counts[Action::none]},
                              {"keep", counts[Action::keep]}}}});
}

std::string applied_table(const Applied& applied) {
  std::vector<TextRow> rows;
  const auto past = [](Action action) {
    return action == Action::create ? "created" : action == Action::remove ? "deleted" : "updated";
  };
  for (const Change& change : applied.done) rows.push_back(row(past(change.action), change));
  if (applied.refused) rows.push_back(row("REFUSED", *applied.refused));
  for (const Change& change : applied.left) rows.push_back(row("not begun", change));
  return aligned(rows);
}

std::string applied_json(const Applied& applied) {
  return base::pretty_json({{"complete", applied.complete()},
                            {"done", list_json(applied.done)},
                            {"refused", applied.refused ? change_json(*applied.refused) : Json()},
                            {"left", list_json(applied.left)}});
}

}  // namespace imgforge::harbor
