#include "build/matrix.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"
#include "build/define.h"
#include "gpu/check.h"
#include "gpu/version.h"

namespace imgforge::build {
namespace {

// "debian12" -> "debian", "12".
std::pair<std::string, std::string> split_os(const std::string& name) {
  const std::size_t digit = name.find_first_of("0123456789");
  if (digit == std::string::npos) return {name, ""};
  return {name.substr(0, digit), name.substr(digit)};
}

bool python_of_distribution(const spec::ImageSpec& spec) {
  return std::any_of(spec.layers.begin(), spec.layers.end(), [](const spec::LayerUse& use) {
    if (use.kind != "python") return false;
    const auto provider = use.entry.find("provider");
    return provider && provider->is_scalar() && provider->text() == "distro";
  });
}

gpu::Request request_for(const spec::ImageSpec& spec) {
  const auto said = [&](const char* name) {
    const auto found = spec.components.find(name);
    return found != spec.components.end() ? found->second : std::string();
  };
  gpu::Request request;
  request.torch = said("torch").empty() ? said("pytorch") : said("torch");
  request.cuda = said("cuda");
  request.python = said("python");
  request.python_from_distribution = python_of_distribution(spec);
  std::tie(request.os_id, request.os_version) = split_os(said("os"));
  request.driver = spec.driver;
  request.date = base::format_time(spec.epoch).substr(0, 10);
  return request;
}

// The distribution has one Python; the table of wheels does not know that.
std::optional<std::string> other_python(const gpu::Request& request) {
  if (!request.python_from_distribution || request.python.empty()) return std::nullopt;
  const auto* os = gpu::Compatibility::builtin().find_os(request.os_id, request.os_version);
  if (os == nullptr || os->python.empty()) return std::nullopt;
  const std::string has = gpu::Version(os->python).minor_text();
  const std::string wanted = gpu::Version(request.python).minor_text();
  if (has == wanted) return std::nullopt;
  return fmt::format("{}{} has Python {}, not {}", request.os_id, request.os_version, has, wanted);
}

void stands(CellPlan& cell, CellStanding standing, const Error& error) {
  cell.standing = standing;
  cell.reason = error.summary();
  cell.remedy = error.hint();
}

// Lock and plan of a cell that can be built.
void look_at_lock(CellPlan& cell) {
  const std::string file = spec::lock_path(cell.address);
  const auto lock = spec::load_lock(file);
  if (!lock) {
    const bool missing = lock.error().code() == Errc::not_found;
    return stands(cell, missing ? CellStanding::unlocked : CellStanding::stale, lock.error());
  }
  if (const auto current = spec::check_lock(*lock, *cell.spec, file); !current) {
    return stands(cell, CellStanding::stale, current.error());
  }
  auto plan = make_plan(*cell.spec, *lock);
  if (!plan) return stands(cell, CellStanding::stale, plan.error());
  cell.plan = std::move(*plan);
}

Result<CellPlan> plan_cell(const spec::Matrix& matrix, const spec::MatrixCell& cell,
                           const std::vector<std::string>& layer_paths) {
  CellPlan planned;
  planned.cell = cell;
  planned.address = matrix.file + "#" + cell.name;
  if (!cell.excluded.empty()) {
    planned.standing = CellStanding::excluded;
    planned.reason = cell.excluded;
    return planned;
  }
  planned.spec = TRY(base::with_context(read_image(*cell.spec, planned.address, layer_paths),
                                        "cell " + cell.name));
  TRY(base::with_context(define(*planned.spec), "cell " + cell.name));  // every layer is sound
  judge(*planned.spec, planned);
  if (planned.standing == CellStanding::ready) look_at_lock(planned);
  return planned;
}

Result<> refuse_same_names(const MatrixPlan& plan) {
  std::map<std::string, std::string> seen;
  for (const CellPlan& cell : plan.cells) {
    if (!cell.plan) continue;
    const std::string place = cell.spec->registry.empty() ? cell.spec->image : cell.spec->registry;
    const std::string name = place + ":" + cell.plan->tag.to_string();
    const auto [other, fresh] = seen.emplace(name, cell.cell.name);
    if (fresh) continue;
    return fail(
        Error(Errc::invalid, fmt::format("the cells {} and {} would both be {}", other->second,
                                         cell.cell.name, name))
            .hint("what tells them apart is not in the tag: put it into `image:` or `build:`, like "
                  "build: v1_py${python|digits}"));
  }
  return {};
}

void find_shared(MatrixPlan& plan, std::uint64_t share_from) {
  std::map<std::string, SharedLayer> all;
  std::vector<std::string> order;
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (!plan.cells[i].plan) continue;
    for (const PlannedLayer& layer : plan.cells[i].plan->layers) {
      ++plan.layers_of_cells;
      const std::string key = layer.key.to_string();
      const std::string title = layer.title.empty() ? layer.recipe->title() : layer.title;
      const auto [at, fresh] = all.try_emplace(key, SharedLayer{layer.key,
                                                                layer.id,
                                                                title,
                                                                layer.recipe->estimated_bytes(),
                                                                layer.recipe->executed(),
                                                                false,
                                                                {},
                                                                0});
      if (fresh) order.push_back(key);
      auto& cells = at->second.cells;
      if (cells.empty() || cells.back() != i) cells.push_back(i);
    }
  }
  plan.layers = all.size();
  for (const std::string& key : order) {
    SharedLayer& layer = all.at(key);
    if (layer.cells.size() < 2) continue;
    layer.waited_for = layer.executed || layer.bytes >= share_from;
    plan.shared.push_back(std::move(layer));
  }
}

void put_in_stages(MatrixPlan& plan, std::size_t most_stages) {
  std::vector<std::size_t> ready;
  std::vector<std::size_t> number(plan.cells.size(), 0);
  for (std::size_t i = 0; i < plan.cells.size(); ++i) {
    if (plan.cells[i].standing != CellStanding::ready) continue;
    number[i] = ready.size();
    ready.push_back(i);
  }
  std::vector<SharedWork> works;
  std::vector<SharedLayer*> layers;
  for (SharedLayer& layer : plan.shared) {
    if (!layer.waited_for) continue;
    SharedWork work{.cells = {}, .weight = std::max<std::uint64_t>(layer.bytes, 1)};
    for (const std::size_t cell : layer.cells) work.cells.push_back(number[cell]);
    works.push_back(std::move(work));
    layers.push_back(&layer);
  }
  const Stages stages = arrange(ready.size(), works, most_stages);
  for (std::size_t i = 0; i < ready.size(); ++i) {
    plan.stage[ready[i]] = stages.stage[i];
    for (const std::size_t other : stages.needs[i]) plan.needs[ready[i]].push_back(ready[other]);
  }
  for (std::size_t i = 0; i < layers.size(); ++i) layers[i]->maker = ready[stages.maker[i]];
  plan.stages = stages.count;
  plan.made_twice = stages.made_twice;
}

}  // namespace

std::string_view to_string(CellStanding standing) {
  switch (standing) {
    case CellStanding::excluded:
      return "excluded";
    case CellStanding::impossible:
      return "impossible";
    case CellStanding::unlocked:
      return "not locked";
    case CellStanding::stale:
      return "stale lock";
    case CellStanding::ready:
      return "ready";
  }
  return "";
}

void judge(const spec::ImageSpec& spec, CellPlan& cell) {
  const gpu::Request request = request_for(spec);
  for (const gpu::Finding& finding : gpu::check(request)) {
    if (finding.severity == gpu::Severity::warning) {
      cell.warnings.push_back(finding.sentence +
                              (finding.remedy.empty() ? "" : ": " + finding.remedy));
    }
    if (finding.severity != gpu::Severity::error || cell.standing == CellStanding::impossible)
      continue;
    cell.standing = CellStanding::impossible;
    cell.reason = finding.sentence;
    cell.remedy = finding.remedy;
  }
  const auto python = other_python(request);
  if (!python || cell.standing == CellStanding::impossible) return;
  cell.standing = CellStanding::impossible;
  cell.reason = *python;
  cell.remedy = "use the layer python/standalone for another Python than the distribution's";
}

Result<MatrixPlan> plan_matrix(const spec::Matrix& matrix, const std::vector<std::string>& only,
                               const std::vector<std::string>& layer_paths,
                               std::size_t most_stages) {
  MatrixPlan plan;
  for (const std::string& name : only) {
    const auto known = [&](const spec::MatrixCell& cell) { return cell.name == name; };
    if (std::none_of(matrix.cells.begin(), matrix.cells.end(), known)) {
      TRY(spec::load_cell({matrix.file, name}));  // says what is near
    }
  }
  for (const spec::MatrixCell& cell : matrix.cells) {
    if (!only.empty() && std::find(only.begin(), only.end(), cell.name) == only.end()) continue;
    plan.cells.push_back(TRY(plan_cell(matrix, cell, layer_paths)));
  }
  TRY(refuse_same_names(plan));
  plan.stage.assign(plan.cells.size(), 0);
  plan.needs.assign(plan.cells.size(), {});
  find_shared(plan, matrix.jobs.share_from);
  put_in_stages(plan, most_stages);
  return plan;
}

}  // namespace imgforge::build
