#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "build/plan.h"
#include "build/resolve.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"update", 'u', "NAME", "change only this layer or package; may be given again", true},
    {"locked", 0, "", "change nothing: fail (7) when the lock does not belong to the spec"},
    {"vendor", 0, "DIR", "fetch every input and keep copies in DIR"},
    {"dry-run", 'n', "", "resolve, show what would change, write nothing"},
};

// "torch 2.5.1 -> 2.6.0", one per line; empty when nothing changed.
std::string changes(const std::optional<spec::Lock>& before, const spec::Lock& now) {
  std::string out;
  const std::map<std::string, std::string> none;
  const auto& old_components = before ? before->components : none;
  for (const auto& [name, version] : now.components) {
    const auto old = old_components.find(name);
    if (old == old_components.end()) {
      out += fmt::format("  + {} {}\n", name, version);
    } else if (old->second != version) {
      out += fmt::format("  ~ {} {} -> {}\n", name, old->second, version);
    }
  }
  for (const auto& [name, version] : old_components) {
    if (!now.components.contains(name)) out += fmt::format("  - {} {}\n", name, version);
  }
  return out;
}

Result<int> run(App& app) {
  const std::string file = TRY(spec_argument(app));
  const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
  const std::string lock_file = spec::lock_path(file);
  std::optional<spec::Lock> before;
  if (base::exists(lock_file)) {
    auto loaded = spec::load_lock(lock_file);
    if (loaded) before = std::move(*loaded);
    // An unreadable lock is replaced, unless it was to be kept.
    if (!loaded && (app.args().flag("locked") || !app.args().values("update").empty())) {
      return fail(std::move(loaded.error()));
    }
  }
  if (app.args().flag("locked")) {
    const spec::Lock lock = before ? *before : TRY(spec::load_lock(lock_file));
    TRY(spec::check_lock(lock, spec, lock_file));
    TRY(print(app.json() ? base::pretty_json({{"lock", lock_file}, {"current", true}})
                         : fmt::format("{} belongs to {}\n", lock_file, file)));
    return 0;
  }
  build::ResolveOptions options{.previous = before, .probe_file = app.settings().probe_file};
  for (const std::string& name : app.args().values("update")) options.update.insert(name);
  if (!options.update.empty() && !before) {
    return fail(Error(Errc::usage, "--update needs a lock to start from")
                    .hint("imgforge lock " + base::shell_quote(file)));
  }
  const build::Workplace place{*TRY(app.store()), *TRY(app.sources()), app.progress(), app.stop(),
                               &app.images()};
  const spec::Lock lock = TRY(build::resolve(spec, options, place));
  const build::Plan plan = TRY(build::make_plan(spec, lock));
  const auto inputs = all_inputs(plan);
  std::uint64_t bytes = 0;
  for (const sources::Input& input : inputs) bytes += input.size;

  const bool same = before && spec::format_lock(*before) == spec::format_lock(lock);
  if (!app.args().flag("dry-run")) {
    if (!same) TRY(base::write_file_atomic(lock_file, spec::format_lock(lock)));
    if (const auto folder = app.args().value("vendor")) {
      TRY(place.sources.fetch(inputs, 6, app.stop()));
      TRY(sources::vendor(place.store, inputs, *folder, app.progress(), app.stop()));
    }
  }
  app.close_progress();
  if (app.json()) {
    base::Json result = {
        {"lock", lock_file},       {"changed", !same}, {"tag", plan.tag.to_string()},
        {"inputs", inputs.size()}, {"bytes", bytes},   {"components", lock.components}};
    TRY(print(base::pretty_json(result)));
    return 0;
  }
  TRY(print(fmt::format("{}{}: {}\n{}  {} inputs, {}\n",
                        app.args().flag("dry-run") ? "would write " : "", lock_file,
                        same ? "nothing changed" : "locked " + plan.tag.to_string(),
                        changes(before, lock), inputs.size(), base::human_bytes(bytes))));
  return 0;
}

}  // namespace

Command lock_command() {
  return {
      .name = "lock",
      .summary =
          "resolve every input of a spec into its lock: the only command that asks what is newest",
      .synopsis = "SPEC [options]",
      .details =
          "Writes NAME.lock.json beside the spec. Packages are resolved by the ecosystems' own "
          "programs (apt, uv),\n"
          "signatures are checked, and the result is compared with what the spec says of "
          "itself.\n\n"
          "Examples:\n"
          "  imgforge lock specs/pytorch2.6-cuda12.4-debian12.yaml\n"
          "  imgforge lock specs/app.yaml --update numpy         only numpy may change\n"
          "  imgforge lock specs/app.yaml --locked               is the lock current? (for "
          "pipelines)\n"
          "  imgforge lock specs/app.yaml --vendor vendor/       keep every input, mirrors delete "
          "things",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
