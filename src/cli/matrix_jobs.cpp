#include "cli/matrix_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/yaml.h"

namespace imgforge::cli {
namespace {

using base::Json;

// GitHub Actions, "Usage limits": a job matrix makes at most 256 jobs. Tekton's
// default-max-matrix-combinations-count is the same.
constexpr std::size_t kMostOfAMatrix = 256;
// GitLab, `needs`: at most 50 by default. Beyond that the order of stages does the same, later.
constexpr std::size_t kMostNeeds = 50;

using Stage = std::vector<const build::CellPlan*>;

std::vector<Stage> by_stage(const build::MatrixPlan& plan) {
  std::vector<Stage> stages(plan.stages);
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (plan.cells[i].standing == build::CellStanding::ready) {
      stages[plan.stage[i]].push_back(&plan.cells[i]);
    }
  }
  return stages;
}

std::string stage_name(std::size_t index) { return fmt::format("stage-{}", index + 1); }

Result<> check_ready(const spec::Matrix& matrix, const build::MatrixPlan& plan) {
  for (const build::CellPlan& cell : plan.cells) {
    if (!cell.wanted() || cell.standing == build::CellStanding::ready) continue;
    return fail(Error(Errc::refused, fmt::format("the cell {} has no current lock: {}",
                                                 cell.cell.name, cell.reason))
                    .hint("imgforge matrix " + base::shell_quote(matrix.file) + " --lock"));
  }
  if (plan.stages != 0) return {};
  return fail(Error(Errc::refused, matrix.file + " has no cell that can be built")
                  .hint("imgforge matrix " + base::shell_quote(matrix.file) + " says why"));
}

// Wrong words are found here and not by a hundred jobs.
Result<> check_options(const spec::Matrix& matrix) {
  const Command build = build_command();
  std::vector<Option> options(build.options.begin(), build.options.end());
  options.insert(options.end(), common_options().begin(), common_options().end());
  const auto parsed = base::with_context(Args::parse("build", options, matrix.jobs.options),
                                         "jobs.options of " + matrix.file);
  if (!parsed) return fail(parsed.error());
  if (parsed->positional().empty()) return {};
  return fail(Errc::usage,
              fmt::format("jobs.options of {} has '{}', which is no option of 'imgforge build'",
                          matrix.file, parsed->positional()[0]));
}

Result<> demand(const spec::Matrix& matrix, const std::string& value, const char* key,
                const char* meaning) {
  if (!value.empty()) return {};
  return fail(
      Error(Errc::usage, fmt::format("{} does not say jobs.{}, {}", matrix.file, key, meaning))
          .hint(fmt::format("write jobs: {{{}: …}} into it", key)));
}

Result<> check_size(const std::vector<Stage>& stages, const char* whose) {
  for (const Stage& stage : stages) {
    if (stage.size() <= kMostOfAMatrix) continue;
    return fail(
        Error(Errc::unsupported, fmt::format("{} cells in one stage are more than the {} of {}",
                                             stage.size(), kMostOfAMatrix, whose))
            .hint("split the matrix into several files"));
  }
  return {};
}

/// `imgforge build "$IMGFORGE_CELL" …` in a shell.
std::string command(const spec::Matrix& matrix) {
  std::string text = "imgforge build \"$IMGFORGE_CELL\"";
  for (const std::string& word : matrix.jobs.options) text += " " + base::shell_quote(word);
  return text;
}

Result<std::string> gitlab(const spec::Matrix& matrix, const build::MatrixPlan& plan) {
  Json document = {{"stages", Json::array()}};
  for (std::size_t i = 0; i < plan.stages; ++i) document["stages"].push_back(stage_name(i));
  Json base_job = {{"script", {command(matrix)}}};
  if (!matrix.jobs.image.empty()) base_job["image"] = matrix.jobs.image;
  document[".imgforge-cell"] = std::move(base_job);
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    const build::CellPlan& cell = plan.cells[i];
    if (cell.standing != build::CellStanding::ready) continue;
    Json job = {{"extends", ".imgforge-cell"},
                {"stage", stage_name(plan.stage[i])},
                {"variables", {{"IMGFORGE_CELL", cell.address}}}};
    if (plan.needs[i].size() <= kMostNeeds) {
      job["needs"] = Json::array();
      for (const std::size_t other : plan.needs[i]) {
        job["needs"].push_back(
            {{"job", "cell " + plan.cells[other].cell.name}, {"artifacts", false}});
      }
    }
    document["cell " + cell.cell.name] = std::move(job);
  }
  return to_yaml(document);
}

Result<std::string> github(const std::vector<Stage>& stages) {
  TRY(check_size(stages, "a job matrix of GitHub"));
  Json document = {{"stages", stages.size()}};
  for (std::size_t i = 0; i < stages.size(); ++i) {
    Json include = Json::array();
    for (const build::CellPlan* cell : stages[i]) {
      Json row = {{"cell", cell->cell.name}, {"spec", cell->address}};
      for (const auto& [axis, value] : cell->cell.position) row.emplace(axis, value);
      include.push_back(std::move(row));
    }
    document[fmt::format("stage_{}", i + 1)] = {{"include", std::move(include)}};
  }
  return base::canonical_json(document) + "\n";
}

Json container_of(const spec::Matrix& matrix, const std::string& script) {
  Json container = {
      {"name", "build"},
      {"image", matrix.jobs.image},
      {"workingDir", "/project"},
      {"command", {"/bin/sh", "-ec", script}},
      {"env", Json::array({{{"name", "IMGFORGE_STORE"}, {"value", "/scratch/store"}}})},
      {"volumeMounts",
       Json::array({{{"name", "project"}, {"mountPath", "/project"}, {"readOnly", true}},
                    {{"name", "scratch"}, {"mountPath", "/scratch"}},
                    {{"name", "cells"}, {"mountPath", "/cells"}, {"readOnly", true}}})}};
  if (!matrix.jobs.secret.empty()) {
    container["envFrom"] = Json::array({{{"secretRef", {{"name", matrix.jobs.secret}}}}});
  }
  if (!matrix.jobs.registry_secret.empty()) {
    container["env"].push_back({{"name", "DOCKER_CONFIG"}, {"value", "/credentials"}});
    container["volumeMounts"].push_back(
        {{"name", "credentials"}, {"mountPath", "/credentials"}, {"readOnly", true}});
  }
  return container;
}

Json credentials_volume(const spec::Matrix& matrix) {
  return {{"name", "credentials"},
          {"secret",
           {{"secretName", matrix.jobs.registry_secret},
            {"items", Json::array({{{"key", ".dockerconfigjson"}, {"path", "config.json"}}})}}}};
}

Result<std::string> kubernetes(const spec::Matrix& matrix, const std::vector<Stage>& stages,
                               std::size_t parallel) {
  const Json labels = {{"app.kubernetes.io/managed-by", "imgforge"},
                       {"imgforge.io/matrix", matrix.name}};
  Json cells = {{"apiVersion", "v1"},
                {"kind", "ConfigMap"},
                {"metadata", {{"name", matrix.name + "-cells"}, {"labels", labels}}},
                {"data", Json::object()}};
  std::string jobs;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const std::string stage = stage_name(i);
    for (std::size_t k = 0; k < stages[i].size(); ++k) {
      cells["data"][fmt::format("{}.{}", stage, k)] = stages[i][k]->address + "\n";
    }
    const std::string script =
        fmt::format("IFS= read -r IMGFORGE_CELL < \"/cells/{}.$JOB_COMPLETION_INDEX\"\nexec {}\n",
                    stage, command(matrix));
    Json volumes = Json::array(
        {{{"name", "project"},
          {"persistentVolumeClaim", {{"claimName", matrix.jobs.claim}, {"readOnly", true}}}},
         {{"name", "scratch"}, {"emptyDir", Json::object()}},
         {{"name", "cells"}, {"configMap", {{"name", matrix.name + "-cells"}}}}});
    if (!matrix.jobs.registry_secret.empty()) volumes.push_back(credentials_volume(matrix));
    Json own = labels;
    own["imgforge.io/stage"] = std::to_string(i + 1);
    const std::size_t count = stages[i].size();
    const Json job = {{"apiVersion", "batch/v1"},
                      {"kind", "Job"},
                      {"metadata", {{"name", matrix.name + "-" + stage}, {"labels", own}}},
                      {"spec",
                       {{"completionMode", "Indexed"},
                        {"completions", count},
                        {"parallelism", parallel == 0 ? count : std::min(parallel, count)},
                        {"backoffLimitPerIndex", 1},
                        {"suspend", i > 0},
                        {"template",
                         {{"metadata", {{"labels", own}}},
                          {"spec",
                           {{"restartPolicy", "Never"},
                            {"containers", Json::array({container_of(matrix, script)})},
                            {"volumes", std::move(volumes)}}}}}}}};
    jobs += "---\n" + to_yaml(job);
  }
  return to_yaml(cells) + jobs;
}

Result<std::string> tekton(const spec::Matrix& matrix, const std::vector<Stage>& stages) {
  TRY(check_size(stages, "a matrix of Tekton"));
  for (const std::string& word : matrix.jobs.options) {
    if (word.find("$(") == std::string::npos) continue;
    return fail(
        Error(Errc::usage,
              fmt::format("jobs.options of {} has '{}', in which Tekton would replace $(…)",
                          matrix.file, word))
            .hint("write ${NAME}, and the variable into the secret that jobs.secret names"));
  }
  Json tasks = Json::array();
  for (std::size_t i = 0; i < stages.size(); ++i) {
    Json addresses = Json::array();
    for (const build::CellPlan* cell : stages[i]) addresses.push_back(cell->address);
    Json step = {{"name", "build"},
                 {"image", matrix.jobs.image},
                 {"workingDir", "$(workspaces.project.path)"},
                 {"env", Json::array({{{"name", "IMGFORGE_CELL"}, {"value", "$(params.cell)"}},
                                      {{"name", "IMGFORGE_STORE"}, {"value", "/scratch/store"}}})},
                 {"volumeMounts", Json::array({{{"name", "scratch"}, {"mountPath", "/scratch"}}})},
                 {"script", "#!/bin/sh -e\nexec " + command(matrix) + "\n"}};
    Json volumes = Json::array({{{"name", "scratch"}, {"emptyDir", Json::object()}}});
    if (!matrix.jobs.secret.empty()) {
      step["envFrom"] = Json::array({{{"secretRef", {{"name", matrix.jobs.secret}}}}});
    }
    if (!matrix.jobs.registry_secret.empty()) {
      step["env"].push_back({{"name", "DOCKER_CONFIG"}, {"value", "/credentials"}});
      step["volumeMounts"].push_back(
          {{"name", "credentials"}, {"mountPath", "/credentials"}, {"readOnly", true}});
      volumes.push_back(credentials_volume(matrix));
    }
    Json task = {{"name", stage_name(i)},
                 {"matrix", {{"params", Json::array({{{"name", "cell"}, {"value", addresses}}})}}},
                 {"workspaces", Json::array({{{"name", "project"}, {"workspace", "project"}}})},
                 {"taskSpec",
                  {{"params", Json::array({{{"name", "cell"}, {"type", "string"}}})},
                   {"workspaces", Json::array({{{"name", "project"}}})},
                   {"steps", Json::array({std::move(step)})},
                   {"volumes", std::move(volumes)}}}};
    if (i > 0) task["runAfter"] = {stage_name(i - 1)};
    tasks.push_back(std::move(task));
  }
  return to_yaml(
      {{"apiVersion", "tekton.dev/v1"},
       {"kind", "PipelineRun"},
       {"metadata",
        {{"generateName", matrix.name + "-"}, {"labels", {{"imgforge.io/matrix", matrix.name}}}}},
       {"spec",
        {{"workspaces",
          Json::array({{{"name", "project"},
                        {"persistentVolumeClaim", {{"claimName", matrix.jobs.claim}}}}})},
         {"pipelineSpec",
          {{"workspaces", Json::array({{{"name", "project"}}})}, {"tasks", std::move(tasks)}}}}}});
}

}  // namespace

std::optional<JobFormat> parse_job_format(std::string_view text) {
  if (text == "gitlab") return JobFormat::gitlab;
  if (text == "github") return JobFormat::github;
  if (text == "kubernetes") return JobFormat::kubernetes;
  if (text == "tekton") return JobFormat::tekton;
  return std::nullopt;
}

Result<std::string> render_jobs(const spec::Matrix& matrix, const build::MatrixPlan& plan,
                                JobFormat format, std::size_t parallel) {
  TRY(check_ready(matrix, plan));
  TRY(check_options(matrix));
  const std::vector<Stage> stages = by_stage(plan);
  if (format == JobFormat::gitlab) return gitlab(matrix, plan);
  if (format == JobFormat::github) return github(stages);
  TRY(demand(matrix, matrix.jobs.image, "image", "a container image that has imgforge"));
  TRY(demand(matrix, matrix.jobs.claim, "claim",
             "the PersistentVolumeClaim that holds the project"));
  if (format == JobFormat::kubernetes) return kubernetes(matrix, stages, parallel);
  return tekton(matrix, stages);
}

}  // namespace imgforge::cli
