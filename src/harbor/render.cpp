#include "harbor/render.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace imgforge::harbor {
namespace {

using base::Json;

constexpr std::size_t kWidestChange = 100;  // of the last column: --json has all of it

using Row = std::vector<std::string>;

std::string aligned(const std::vector<Row>& rows) {
  std::vector<std::size_t> width;
  for (const Row& row : rows) {
    width.resize(std::max(width.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string out;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i] + std::string(width[i] - row[i].size() + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string shortened(std::string text) {
  if (text.size() <= kWidestChange) return text;
  std::size_t end = kWidestChange - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

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

Row row(std::string_view first, const Change& change) {
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
  std::vector<Row> rows = {{"ACTION", "WHAT", "NAME", "CHANGE"}};
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
  std::vector<Row> rows;
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
