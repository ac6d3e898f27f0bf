#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

Result<int> run(App& app) {
  const std::string file = TRY(spec_argument(app));
  const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
  const std::string lock_file = spec::lock_path(file);
  const spec::Lock lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(lock, spec, lock_file));
  const build::Plan plan = TRY(build::make_plan(spec, lock));
  store::Store& store = *TRY(app.store());
  const auto states = TRY(build::survey(plan, lock, store, spec.image));

  std::size_t to_build = 0, to_fetch = 0;
  std::uint64_t fetch_bytes = 0;
  Table table({{"LAYER", Table::Align::left},
               {"KIND", Table::Align::left},
               {"DO", Table::Align::left},
               {"BYTES", Table::Align::right},
               {"KEY", Table::Align::left},
               {"WHY", Table::Align::left},
               {"WHAT", Table::Align::left}});
  base::Json rows = base::Json::array();
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const build::PlannedLayer& layer = plan.layers[i];
    const build::LayerState& state = states[i];
    const bool reuse = state.built.has_value();
    std::uint64_t missing = 0;
    for (const sources::Input& input : layer.recipe->inputs()) {
      if (reuse || store.has_input(input.digest)) continue;
      ++to_fetch;
      missing += input.size;
    }
    fetch_bytes += missing;
    if (!reuse) ++to_build;
    const char* action = reuse ? "reuse" : layer.recipe->emits() ? "build" : "run";
    std::string bytes = "?";
    std::uint64_t size = layer.recipe->estimated_bytes();
    if (reuse)
      size = state.built->blob.size;
    else if (state.record)
      size = state.record->size;
    if (size != 0 || reuse) bytes = (reuse || state.record ? "" : "~") + base::human_bytes(size);
    table.add(
        {layer.id, layer.kind, action, bytes, layer.key.short_hex(), state.reason, layer.title});
    base::Json row = {{"id", layer.id},
                      {"kind", layer.kind},
                      {"action", action},
                      {"reason", state.reason},
                      {"key", layer.key.to_string()},
                      {"title", layer.title},
                      {"fetch_bytes", missing},
                      {"executed", layer.recipe->executed()}};
    if (reuse) row["digest"] = state.built->blob.digest.to_string();
    if (size != 0) row["bytes"] = size;
    rows.push_back(std::move(row));
  }
  if (app.json()) {
    TRY(print(base::pretty_json({{"image", spec.image},
                                 {"tag", plan.tag.to_string()},
                                 {"layers", rows},
                                 {"build", to_build},
                                 {"fetch", to_fetch},
                                 {"fetch_bytes", fetch_bytes}})));
    return 0;
  }
  TRY(print(fmt::format("{}:{}\n\n{}\n{} of {} layers to build, {} inputs to fetch ({})\n",
                        spec.image, plan.tag.to_string(), table.to_string(), to_build,
                        plan.layers.size(), to_fetch, base::human_bytes(fetch_bytes))));
  return 0;
}

}  // namespace

Command plan_command() {
  return {.name = "plan",
          .summary = "show what a build would do, layer by layer, and why; changes nothing",
          .synopsis = "SPEC",
          .details =
              "Examples:\n"
              "  imgforge plan specs/pytorch2.6-cuda12.4-debian12.yaml\n"
              "  imgforge plan specs/app.yaml --json | jq '.layers[] | select(.action==\"build\")'",
          .options = {},
          .run = run};
}

}  // namespace imgforge::cli
