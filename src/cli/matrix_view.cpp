#include "cli/matrix_view.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

using base::Json;
using Align = Table::Align;
using build::CellStanding;

Json position_json(const build::CellPlan& cell) {
  Json json = Json::object();
  for (const auto& [axis, value] : cell.cell.position) json[axis] = value;
  return json;
}

Json names_json(const build::MatrixPlan& plan, const std::vector<std::size_t>& cells) {
  Json json = Json::array();
  for (const std::size_t cell : cells) json.push_back(plan.cells[cell].cell.name);
  return json;
}

std::size_t built_once(const std::vector<CellOutcome>& outcomes) {
  std::size_t count = 0;
  for (const CellOutcome& outcome : outcomes) {
    if (!outcome.image) continue;
    for (const bool reused : outcome.image->reused) count += reused ? 0 : 1;
  }
  return count;
}

}  // namespace

std::string plan_text(const build::MatrixPlan& plan) {
  Table cells({{"CELL", Align::left},
               {"STANDS", Align::left},
               {"STAGE", Align::right},
               {"TAG OR REASON", Align::left}});
  std::size_t ready = 0, wanted = 0;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const build::CellPlan& cell = plan.cells[i];
    const bool is_ready = cell.standing == CellStanding::ready;
    ready += is_ready ? 1 : 0;
    wanted += cell.wanted() ? 1 : 0;
    cells.add({cell.cell.name, std::string(to_string(cell.standing)),
               is_ready ? std::to_string(plan.stage[i] + 1) : "",
               is_ready ? cell.spec->image + ":" + cell.plan->tag.to_string() : cell.reason});
  }
  std::string out = cells.to_string();
  Table shared({{"SHARED LAYER", Align::left},
                {"BYTES", Align::right},
                {"CELLS", Align::right},
                {"MADE FIRST BY", Align::left},
                {"WHAT", Align::left}});
  std::size_t small = 0, waited = 0;
  for (const build::SharedLayer& layer : plan.shared) {
    if (!layer.waited_for) {
      ++small;
      continue;
    }
    ++waited;
    shared.add({layer.id, layer.bytes != 0 ? "~" + base::human_bytes(layer.bytes) : "?",
                std::to_string(layer.cells.size()), plan.cells[layer.maker].cell.name,
                layer.title});
  }
  if (waited > 0) out += "\n" + shared.to_string();
  out += fmt::format("\n{} cells, {} to build, {} with a lock, {} stages\n", plan.cells.size(),
                     wanted, ready, plan.stages);
  if (plan.layers > 0) {
    out += fmt::format(
        "{} different layers where the cells count {}; {} small shared ones are not waited for\n",
        plan.layers, plan.layers_of_cells, small);
  }
  return out;
}

std::string plan_json(const spec::Matrix& matrix, const build::MatrixPlan& plan) {
  Json cells = Json::array();
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const build::CellPlan& cell = plan.cells[i];
    Json row = {{"cell", cell.cell.name},
                {"spec", cell.address},
                {"position", position_json(cell)},
                {"standing", std::string(to_string(cell.standing))},
                {"warnings", cell.warnings}};
    if (!cell.reason.empty()) row["reason"] = cell.reason;
    if (!cell.remedy.empty()) row["remedy"] = cell.remedy;
    if (cell.wanted()) row["lock"] = spec::lock_path(cell.address);
    if (cell.plan) {
      row["image"] = cell.spec->image;
      row["tag"] = cell.plan->tag.to_string();
      row["stage"] = plan.stage[i] + 1;
      row["needs"] = names_json(plan, plan.needs[i]);
      Json layers = Json::array();
      for (const build::PlannedLayer& layer : cell.plan->layers) {
        layers.push_back({{"id", layer.id}, {"kind", layer.kind}, {"key", layer.key.to_string()}});
      }
      row["layers"] = std::move(layers);
    }
    cells.push_back(std::move(row));
  }
  Json shared = Json::array();
  for (const build::SharedLayer& layer : plan.shared) {
    Json row = {{"key", layer.key.to_string()},
                {"id", layer.id},
                {"title", layer.title},
                {"bytes", layer.bytes},
                {"executed", layer.executed},
                {"waited_for", layer.waited_for},
                {"cells", names_json(plan, layer.cells)}};
    if (layer.waited_for) row["made_first_by"] = plan.cells[layer.maker].cell.name;
    shared.push_back(std::move(row));
  }
  return base::pretty_json({{"matrix", matrix.name},
                            {"file", matrix.file},
                            {"axes", matrix.axes},
                            {"cells", std::move(cells)},
                            {"shared_layers", std::move(shared)},
                            {"stages", plan.stages},
                            {"layers", plan.layers},
                            {"layers_of_cells", plan.layers_of_cells}});
}

std::string locked_text(const std::vector<LockedCell>& cells) {
  Table table({{"CELL", Align::left}, {"LOCK", Align::left}, {"WHY", Align::left}});
  std::size_t failed = 0;
  for (const LockedCell& row : cells) {
    failed += row.what == "failed" ? 1 : 0;
    table.add({row.cell->cell.name, row.what, row.reason});
  }
  return table.to_string() + fmt::format("\n{} cells, {} failed\n", cells.size(), failed);
}

std::string locked_json(const std::vector<LockedCell>& cells) {
  Json rows = Json::array();
  for (const LockedCell& row : cells) {
    Json one = {{"cell", row.cell->cell.name}, {"what", row.what}};
    if (!row.file.empty()) one["lock"] = row.file;
    if (!row.reason.empty()) one["reason"] = row.reason;
    rows.push_back(std::move(one));
  }
  return base::pretty_json({{"cells", std::move(rows)}});
}

std::string outcomes_text(const build::MatrixPlan& plan, const std::vector<CellOutcome>& outcomes) {
  Table table({{"CELL", Align::left},
               {"RESULT", Align::left},
               {"LAYERS", Align::right},
               {"BUILT", Align::right},
               {"BYTES", Align::right},
               {"IMAGE OR REASON", Align::left}});
  std::size_t failed = 0;
  for (const CellOutcome& outcome : outcomes) {
    const std::string& name = plan.cells[outcome.cell].cell.name;
    if (outcome.error) {
      ++failed;
      const std::string& hint = outcome.error->hint();
      table.add({name, "failed", "", "", "",
                 outcome.error->summary() + (hint.empty() ? "" : "; " + hint)});
      continue;
    }
    const build::BuiltImage& image = *outcome.image;
    std::size_t built = 0;
    for (const bool reused : image.reused) built += reused ? 0 : 1;
    const bool there = image.published && image.published->present;
    table.add({name,
               there             ? "there already"
               : image.published ? "pushed"
                                 : "built",
               std::to_string(image.layers.size()), std::to_string(built),
               base::human_bytes(image.compressed_bytes), outcome.repository + ":" + image.tag});
  }
  return table.to_string() + fmt::format("\n{} cells, {} failed; {} layers built\n",
                                         outcomes.size(), failed, built_once(outcomes));
}

std::string outcomes_json(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                          const std::vector<CellOutcome>& outcomes) {
  Json rows = Json::array();
  for (const CellOutcome& outcome : outcomes) {
    Json row = {{"cell", plan.cells[outcome.cell].cell.name}};
    if (outcome.error) {
      row["error"] = {{"kind", std::string(to_string(outcome.error->code()))},
                      {"message", outcome.error->summary()},
                      {"hint", outcome.error->hint()},
                      {"exit_code", exit_code(*outcome.error)}};
    } else {
      const build::BuiltImage& image = *outcome.image;
      Json built = Json::array();
      for (std::size_t i = 0; i < image.layers.size(); ++i) {
        if (!image.reused[i]) built.push_back(image.plan.layers[i].id);
      }
      row.update({{"repository", outcome.repository},
                  {"tag", image.tag},
                  {"digest", image.manifest.digest.to_string()},
                  {"bytes", image.compressed_bytes},
                  {"layers", image.layers.size()},
                  {"built", std::move(built)},
                  {"evidence", outcome.evidence}});
      if (image.published) row["there_already"] = image.published->present;
    }
    rows.push_back(std::move(row));
  }
  return base::pretty_json({{"matrix", matrix.name},
                            {"cells", std::move(rows)},
                            {"layers_built", built_once(outcomes)}});
}

}  // namespace imgforge::cli
