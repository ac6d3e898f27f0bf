#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "build/inputs.h"
#include "cli/commands/commands.h"
#include "cli/commands/registry_image.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/output.h"
#include "cli/rebuilding.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"vendor", 0, "DIR",
     "also keep copies of the inputs in DIR (sha256/…), for builds without network"},
    {"kept", 0, "HOST/REPOSITORY:TAG",
     "take what 'build --keep-inputs' kept beside that image from there"},
    {"dry-run", 'n', "", "say what would be fetched"},
    IMGFORGE_REGISTRY_OPTIONS,
};

Result<int> run(App& app) {
  const std::string file = TRY(spec_argument(app));
  const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
  const std::string lock_file = spec::lock_path(file);
  const spec::Lock lock = TRY(spec::load_lock(lock_file));
  TRY(spec::check_lock(lock, spec, lock_file));
  const build::Plan plan = TRY(build::make_plan(spec, lock));
  const auto inputs = all_inputs(plan);
  store::Store& store = *TRY(app.store());
  std::uint64_t bytes = 0, missing_bytes = 0;
  std::size_t missing = 0;
  for (const sources::Input& input : inputs) {
    bytes += input.size;
    if (store.has_input(input.digest)) continue;
    ++missing;
    missing_bytes += input.size;
  }
  const build::BaseLayers base = build::missing_base_layers(plan, store);
  missing += base.count;
  missing_bytes += base.bytes;
  if (!app.args().flag("dry-run")) {
    const auto held = TRY(store.hold());
    if (const auto kept = app.args().value("kept")) {
      const RegistryImage image = TRY(open_registry_image(app, *kept));
      TRY(take_beside(app, image, inputs, TRY(inputs_beside(image)), store));
    }
    TRY(build::bring_local(inputs,
                           {.probe_file = app.settings().probe_file,
                            .project_directory = spec.project_directory,
                            .vendor_folders = app.settings().addresses.vendor_folders},
                           store));
    sources::Sources& sources = *TRY(app.sources());
    TRY(sources.fetch(inputs, 6, app.stop()));
    TRY(build::bring_base_layers(plan, spec,
                                 {.store = store,
                                  .sources = sources,
                                  .progress = app.progress(),
                                  .stop = app.stop(),
                                  .images = &app.images()}));
    if (const auto folder = app.args().value("vendor")) {
      TRY(sources::vendor(store, inputs, *folder, app.progress(), app.stop()));
    }
  }
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"inputs", inputs.size()},
                                 {"bytes", bytes},
                                 {"fetched", missing},
                                 {"fetched_bytes", missing_bytes}})));
    return 0;
  }
  TRY(print(fmt::format("{} inputs, {}; {} {}, {}\n", inputs.size(), base::human_bytes(bytes),
                        app.args().flag("dry-run") ? "to fetch:" : "fetched", missing,
                        base::human_bytes(missing_bytes))));
  return 0;
}

}  // namespace

Command fetch_command() {
  return {.name = "fetch",
          .summary =
              "bring every locked input and base layer into the store, for builds without network",
          .synopsis = "SPEC [options]",
          .details =
              "Examples:\n"
              "  imgforge fetch specs/pytorch2.6-cuda12.4-debian12.yaml\n"
              "  imgforge fetch specs/app.yaml --vendor vendor/     for an air gap; name the "
              "folder under\n"
              "                                                     'vendor:' in the configuration "
              "there",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli
