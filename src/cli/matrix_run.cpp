#include "cli/matrix_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <numeric>

#include "base/task_group.h"
#include "cli/cell_progress.h"
#include "cli/destination.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

struct Job {
  std::size_t cell;
  std::unique_ptr<BuildDestination> destination;
};

build::BuildRequest request_for(const App& app, const build::CellPlan& cell, std::size_t parallel) {
  build::BuildRequest request;
  request.spec_file = cell.address;
  request.layer_paths = app.settings().layer_paths;
  request.bump = app.args().flag("bump");
  request.run.workers = std::max<std::size_t>(1, app.workers() / parallel);
  const std::size_t per_layer = app.processors() / (request.run.workers * parallel);
  request.run.layer_threads = per_layer > 0 ? per_layer - 1 : 0;
  request.run.probe_file = app.settings().probe_file;
  request.run.sandbox_program = app.self();
  return request;
}

// Evidence of one cell after the other: it opens keys and asks registries through the one App.
void take_turns(build::Destination& destination, std::mutex& turn) {
  if (!destination.before_tags) return;
  destination.before_tags = [inner = std::move(destination.before_tags), &turn](
                                const build::BuiltImage& image, bool present) -> Result<> {
    const std::lock_guard lock(turn);
    return inner(image, present);
  };
}

Error not_ready(const build::CellPlan& cell) {
  return Error(Errc::refused, cell.reason).hint(cell.remedy);
}

}  // namespace

Result<std::vector<CellOutcome>> run_cells(App& app, const build::MatrixPlan& plan,
                                           std::size_t parallel) {
  std::vector<CellOutcome> outcomes;
  std::vector<Job> jobs;
  std::mutex turn;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const build::CellPlan& cell = plan.cells[i];
    if (!cell.wanted()) continue;
    outcomes.push_back(
        {.cell = i, .image = {}, .repository = cell.spec->image, .evidence = {}, .error = {}});
    if (cell.standing != build::CellStanding::ready) {
      outcomes.back().error = not_ready(cell);
      continue;
    }
    jobs.push_back({outcomes.size() - 1, TRY(BuildDestination::make(app, *cell.spec))});
    if (const auto& destination = jobs.back().destination) {
      take_turns(destination->destination(), turn);
      outcomes.back().repository =
          destination->reference().host + "/" + destination->reference().repository;
    }
  }
  // Those that make shared layers first.
  std::stable_sort(jobs.begin(), jobs.end(), [&](const Job& a, const Job& b) {
    return plan.stage[outcomes[a.cell].cell] < plan.stage[outcomes[b.cell].cell];
  });
  store::Store& store = *TRY(app.store());
  sources::Sources& sources = *TRY(app.sources());
  RegistryImages& images = app.images();
  const auto work = [&](std::size_t index, std::stop_token stop) -> Result<> {
    Job& job = jobs[index];
    CellOutcome& outcome = outcomes[job.cell];
    const build::CellPlan& cell = plan.cells[outcome.cell];
    CellProgress progress(app.progress(), cell.cell.name);
    auto task = app.progress().start("build", cell.cell.name, std::nullopt);
    build::BuildRequest request = request_for(app, cell, parallel);
    if (job.destination) request.destination = &job.destination->destination();
    auto image = build::build(request, {store, sources, progress, stop, &images});
    task->finish(image ? "built" : "failed");
    if (image) {
      outcome.image = std::move(*image);
      if (job.destination) outcome.evidence = job.destination->evidence();
    } else {
      outcome.error = std::move(image.error());
    }
    return {};
  };
  const auto ended = base::parallel_for(jobs.size(), parallel, app.stop(), work);
  for (CellOutcome& outcome : outcomes) {
    if (!outcome.image && !outcome.error)
      outcome.error = Error(Errc::cancelled, "interrupted before it began");
  }
  if (!ended && ended.error().code() != Errc::cancelled) return fail(ended.error());
  return outcomes;
}

release::Catalogue catalogue_of(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                                const std::vector<CellOutcome>& outcomes) {
  release::Catalogue catalogue;
  catalogue.matrix = matrix.name;
  for (const CellOutcome& outcome : outcomes) {
    if (!outcome.image) continue;
    const build::BuiltImage& built = *outcome.image;
    const build::CellPlan& cell = plan.cells[outcome.cell];
    release::CatalogueImage image;
    image.repository = outcome.repository;
    image.tag = built.tag;
    image.digest = built.manifest.digest.to_string();
    image.cell = cell.cell.name;
    image.created = base::format_time(cell.spec->epoch);
    image.platform = cell.spec->platform.to_string();
    image.bytes = built.compressed_bytes;
    for (const layer::Component& component : built.plan.facts.components) {
      image.components[component.name] = component.version;
    }
    image.labels = cell.spec->config.labels;
    for (std::size_t i = 0; i < built.layers.size(); ++i) {
      const build::PlannedLayer& layer = built.plan.layers[i];
      if (!layer.recipe->emits()) continue;
      image.layers.push_back({layer.id, layer.kind,
                              layer.title.empty() ? layer.recipe->title() : layer.title,
                              built.layers[i].blob.digest.to_string(), built.layers[i].blob.size});
    }
    catalogue.images.push_back(std::move(image));
  }
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const build::CellPlan& cell = plan.cells[i];
    const auto outcome = std::find_if(outcomes.begin(), outcomes.end(),
                                      [&](const CellOutcome& one) { return one.cell == i; });
    if (outcome == outcomes.end()) {
      catalogue.gaps.push_back(
          {cell.cell.name, std::string(to_string(cell.standing)), cell.reason});
    } else if (outcome->error) {
      const bool failed = cell.standing == build::CellStanding::ready;
      catalogue.gaps.push_back({cell.cell.name,
                                failed ? "failed" : std::string(to_string(cell.standing)),
                                outcome->error->summary()});
    }
  }
  return catalogue;
}

int exit_code_of(const std::vector<CellOutcome>& outcomes) {
  int code = 0;
  for (const CellOutcome& outcome : outcomes) {
    if (!outcome.error) continue;
    const int own = exit_code(*outcome.error);
    code = code == 0 || code == own ? own : 1;
  }
  return code;
}

}  // namespace imgforge::cli
