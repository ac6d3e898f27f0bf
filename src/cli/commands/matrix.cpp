// matrix: one file that stands for many images: what its cells are, locks for them, jobs that build
// them elsewhere, and building them here.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "build/resolve.h"
#include "cli/cell_progress.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/destination.h"
#include "cli/matrix_jobs.h"
#include "cli/matrix_run.h"
#include "cli/matrix_view.h"
#include "cli/output.h"
#include "cli/trust.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"format", 'f', "FORMAT",
     "table, json, or jobs for gitlab, github, kubernetes, tekton (default table)"},
    {"lock", 0, "", "lock every cell: NAME.matrix.CELL.lock.json beside the file"},
    {"update", 'u', "NAME", "with --lock: change only this layer or package; may be given again",
     true},
    {"locked", 0, "", "change nothing: fail (7) when a cell's lock is missing or stale"},
    {"run", 0, "", "build the cells here; shared layers are built once"},
    {"jobs", 'j', "N", "cells at the same time (default: 2 with --run)"},
    {"cell", 'c', "NAME", "only this cell; may be given again", true},
    {"stages", 0, "N", "at most N stages; shared layers may then be made by several jobs"},
    {"catalog", 0, "FILE", "with --run: write what was built, as JSON"},
    {"dry-run", 'n', "", "with --lock or --run: show what would be done"},
    IMGFORGE_PUSH_OPTIONS,
    IMGFORGE_SIGNING_OPTIONS,
    IMGFORGE_TRUST_OPTIONS,
    IMGFORGE_UPLOAD_OPTIONS,
    IMGFORGE_REGISTRY_OPTIONS,
};

// Two hide each other's waiting for the network; more share the same processors.
constexpr std::size_t kUsualCells = 2;

Result<std::size_t> number_of(const App& app, const char* option, std::size_t fallback) {
  const auto text = app.args().value(option);
  if (!text) return fallback;
  const auto number = base::parse_uint(*text);
  if (number && *number >= 1 && *number <= 256) return static_cast<std::size_t>(*number);
  return fail(Errc::usage,
              fmt::format("--{} takes a number from 1 to 256, not '{}'", option, *text));
}

Result<> check_words(const App& app) {
  const Args& args = app.args();
  const int ways =
      (args.flag("lock") ? 1 : 0) + (args.flag("run") ? 1 : 0) + (args.flag("locked") ? 1 : 0);
  if (ways > 1) return fail(Errc::usage, "--lock, --locked and --run are asked for one at a time");
  if (ways > 0 && args.value("format")) {
    return fail(Errc::usage,
                "--format shows the matrix; it does not go with --lock, --locked and --run");
  }
  if (!args.values("update").empty() && !args.flag("lock")) {
    return fail(Errc::usage, "--update goes with --lock");
  }
  if (args.flag("branch") || args.value("branch")) {
    return fail(
        Error(Errc::usage, "--branch moves one channel; the cells of a matrix are many images")
            .hint("imgforge build FILE#CELL --push --branch BRANCH"));
  }
  for (const char* option : {"push", "to", "bump", "sign", "attest", "keep-inputs"}) {
    if (args.flag(option) && !args.flag("run")) {
      return fail(Error(Errc::usage, fmt::format("--{} goes with --run", option))
                      .hint("what the jobs of a pipeline do stands in the file: jobs.options"));
    }
  }
  TRY(expect_push(app, "matrix FILE --run"));
  if (args.value("catalog") && !args.flag("run")) {
    return fail(Error(Errc::usage, "--catalog goes with --run")
                    .hint("imgforge catalog makes one of a repository"));
  }
  return {};
}

/// The lock of one cell; true when it changed.
Result<bool> lock_cell(App& app, const build::CellPlan& cell, const build::Workplace& place) {
  const std::string file = spec::lock_path(cell.address);
  build::ResolveOptions options{
      .previous = {}, .update = {}, .probe_file = app.settings().probe_file};
  if (auto before = spec::load_lock(file)) options.previous = std::move(*before);
  for (const std::string& name : app.args().values("update")) options.update.insert(name);
  if (!options.update.empty() && !options.previous) {
    return fail(Error(Errc::usage, "--update needs a lock to start from")
                    .hint("imgforge matrix FILE --lock"));
  }
  const spec::Lock lock = TRY(build::resolve(*cell.spec, options, place));
  TRY(build::make_plan(*cell.spec, lock));  // what contradicts the spec is no lock
  const std::string text = spec::format_lock(lock);
  if (options.previous && spec::format_lock(*options.previous) == text) return false;
  if (!app.args().flag("dry-run")) TRY(base::write_file_atomic(file, text));
  return true;
}

Result<int> lock_all(App& app, const build::MatrixPlan& plan) {
  store::Store& store = *TRY(app.store());
  sources::Sources& sources = *TRY(app.sources());
  std::vector<LockedCell> rows;
  int code = 0;
  for (const build::CellPlan& cell : plan.cells) {
    if (!cell.wanted()) {
      rows.push_back({&cell, "", std::string(to_string(cell.standing)), cell.reason});
      continue;
    }
    auto task = app.progress().start("resolve", cell.cell.name, std::nullopt);
    CellProgress progress(app.progress(), cell.cell.name);
    const auto changed =
        lock_cell(app, cell, {store, sources, progress, app.stop(), &app.images()});
    task->finish(!changed ? "failed" : *changed ? "locked" : "unchanged");
    if (!changed && changed.error().code() == Errc::cancelled) return fail(changed.error());
    if (!changed) {
      const int own = exit_code(changed.error());
      code = code == 0 || code == own ? own : 1;
      std::string why = changed.error().summary();
      if (!changed.error().hint().empty()) why += "; " + changed.error().hint();
      rows.push_back({&cell, spec::lock_path(cell.address), "failed", std::move(why)});
      continue;
    }
    rows.push_back({&cell, spec::lock_path(cell.address),
                    !*changed                    ? "unchanged"
                    : app.args().flag("dry-run") ? "would change"
                                                 : "locked",
                    ""});
  }
  app.close_progress();
  TRY(print(app.json() ? locked_json(rows) : locked_text(rows)));
  return code;
}

Result<int> check_locked(App& app, const build::MatrixPlan& plan, const std::string& file) {
  std::size_t current = 0;
  for (const build::CellPlan& cell : plan.cells) {
    if (!cell.wanted()) continue;
    if (cell.standing != build::CellStanding::ready) {
      return fail(Error(Errc::refused, fmt::format("the cell {}: {}", cell.cell.name, cell.reason))
                      .hint("imgforge matrix " + base::shell_quote(file) + " --lock"));
    }
    ++current;
  }
  TRY(print(app.json()
                ? base::pretty_json({{"matrix", file}, {"current", true}, {"cells", current}})
                : fmt::format("the locks of {} cells belong to {}\n", current, file)));
  return 0;
}

Result<int> run_here(App& app, const spec::Matrix& matrix, const build::MatrixPlan& plan) {
  const std::size_t parallel = TRY(number_of(app, "jobs", kUsualCells));
  const auto outcomes = TRY(run_cells(app, plan, parallel));
  const release::Catalogue catalogue = catalogue_of(matrix, plan, outcomes);
  if (const auto file = app.args().value("catalog")) {
    TRY(base::write_file_atomic(*file, release::format_catalogue(catalogue)));
  }
  app.close_progress();
  TRY(print(app.json() ? outcomes_json(matrix, plan, outcomes) : outcomes_text(plan, outcomes)));
  if (app.stop().stop_requested())
    return fail(Errc::cancelled, "interrupted; finished layers and cells stay");
  return exit_code_of(outcomes);
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "matrix", "FILE"));
  TRY(check_words(app));
  const std::string& file = app.args().positional()[0];
  const std::string format = app.args().value("format").value_or(app.json() ? "json" : "table");
  const auto jobs = parse_job_format(format);
  if (!jobs && format != "table" && format != "json") {
    constexpr std::string_view kFormats[] = {"table",  "json",       "gitlab",
                                             "github", "kubernetes", "tekton"};
    const auto near = base::nearest(format, kFormats);
    return fail(
        Error(Errc::usage, fmt::format("there is no format '{}'", format))
            .hint(near ? fmt::format("did you mean {}?", *near)
                       : "the formats are table, json, gitlab, github, kubernetes and tekton"));
  }
  const spec::Matrix matrix = TRY(spec::load_matrix(file));
  const build::MatrixPlan plan =
      TRY(build::plan_matrix(matrix, app.args().values("cell"), app.settings().layer_paths,
                             TRY(number_of(app, "stages", 0))));
  for (const build::CellPlan& cell : plan.cells) {
    for (const std::string& warning : cell.warnings)
      app.progress().warn(cell.cell.name + ": " + warning);
    if (cell.standing != build::CellStanding::impossible) continue;
    app.progress().warn(fmt::format("{} is left out: {}{}", cell.cell.name, cell.reason,
                                    cell.remedy.empty() ? "" : "; " + cell.remedy));
  }
  if (plan.made_twice > 0) {
    app.progress().warn(fmt::format("with {} stages, {} shared layers are made by several jobs",
                                    plan.stages, plan.made_twice));
  }
  if (app.args().flag("lock")) return lock_all(app, plan);
  if (app.args().flag("locked")) return check_locked(app, plan, file);
  if (app.args().flag("run") && !app.args().flag("dry-run")) return run_here(app, matrix, plan);
  if (jobs) {
    const std::string text = TRY(render_jobs(matrix, plan, *jobs, TRY(number_of(app, "jobs", 0))));
    app.close_progress();
    TRY(print(text));
    return 0;
  }
  app.close_progress();
  TRY(print(format == "json" ? plan_json(matrix, plan) : plan_text(plan)));
  return 0;
}

}  // namespace

Command matrix_command() {
  return {.name = "matrix",
          .summary = "many images from one file: axes, impossible cells, shared layers, jobs",
          .synopsis = "FILE [options]",
          .details =
              "Shows the cells, which of them cannot be and why, which layers several cells share "
              "and which job makes\n"
              "them first. A cell is addressed as FILE#CELL by every command that takes a spec.\n\n"
              "Examples:\n"
              "  imgforge matrix specs/torch.matrix.yaml                        the cells and "
              "their stages\n"
              "  imgforge matrix specs/torch.matrix.yaml --lock                 a lock for each of "
              "them\n"
              "  imgforge matrix specs/torch.matrix.yaml --run -j 4 --catalog out/catalogue.json\n"
              "  imgforge matrix specs/torch.matrix.yaml --format gitlab > cells.yml\n"
              "  imgforge build 'specs/torch.matrix.yaml#torch2.6.0-cuda12.4' --push\n\n"
              "Exit code of --run and --lock: 0; that of the failed cells where it is the same for "
              "all; else 1.",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli
