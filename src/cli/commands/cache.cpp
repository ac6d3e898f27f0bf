#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "build/define.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"
#include "sandbox/sandbox.h"
#include "spec/lock.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"inputs", 0, "", "prune: also inputs that no --keep lock names"},
    {"keep", 0, "SPEC", "prune --inputs: keep what this spec's lock names; may be given again",
     true},
    {"image", 0, "NAME", "prune: first forget this image (image:tag); may be given again", true},
    {"quarantine", 0, "",
     "verify: move damaged files away, so that the next build makes them again"},
    {"dry-run", 'n', "", "prune: only say what would go"},
};

Result<int> usage(App& app, store::Store& store) {
  const store::Usage used = TRY(store.usage());
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"store", store.directory()},
                                 {"blobs", used.blobs},
                                 {"blob_bytes", used.blob_bytes},
                                 {"inputs", used.inputs},
                                 {"input_bytes", used.input_bytes},
                                 {"layers", used.layers},
                                 {"trees", used.trees},
                                 {"tree_bytes", used.tree_bytes},
                                 {"temporary_bytes", used.temporary_bytes}})));
    return 0;
  }
  Table table({{"WHAT", Table::Align::left},
               {"COUNT", Table::Align::right},
               {"SIZE", Table::Align::right}});
  table.add({"blobs", std::to_string(used.blobs), base::human_bytes(used.blob_bytes)});
  table.add({"inputs", std::to_string(used.inputs), base::human_bytes(used.input_bytes)});
  table.add({"unpacked trees", std::to_string(used.trees), base::human_bytes(used.tree_bytes)});
  table.add({"temporary", "", base::human_bytes(used.temporary_bytes)});
  std::string text = store.directory() + "\n\n" + table.to_string();
  const auto images = TRY(store.images());
  if (!images.empty()) text += "\nimages:\n";
  for (const auto& [name, descriptor] : images) {
    text += fmt::format("  {}  {}\n", name, descriptor.digest.short_hex());
  }
  TRY(print(text));
  return 0;
}

Result<int> prune(App& app, store::Store& store) {
  store::PruneOptions options{.dry_run = app.args().flag("dry-run"),
                              .inputs = app.args().flag("inputs")};
  for (const std::string& file : app.args().values("keep")) {
    const spec::ImageSpec spec = TRY(build::load_image(file, app.settings().layer_paths));
    const build::Plan plan =
        TRY(build::make_plan(spec, TRY(spec::load_lock(spec::lock_path(file)))));
    for (const sources::Input& input : all_inputs(plan))
      options.keep_inputs.push_back(input.digest);
  }
  if (!options.dry_run) {
    for (const std::string& name : app.args().values("image")) {
      if (!TRY(store.remove_image(name))) {
        return fail(Error(Errc::not_found, "there is no image '" + name + "' in the store")
                        .hint("imgforge cache du lists them"));
      }
    }
  }
  // Trees of an ordinary user belong to subordinate ids, which only the sandbox can act for.
  sandbox::Sandbox sandbox(app.self(), store.directory() + "/tmp");
  options.remove_tree = [&](const std::string& path) { return sandbox.remove_tree(path); };
  const store::PruneReport report = TRY(store.prune(options));
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"files", report.files},
                                 {"bytes", report.bytes},
                                 {"removed", report.removed},
                                 {"dry_run", options.dry_run}})));
    return 0;
  }
  TRY(print(fmt::format("{} {} files, {}\n", options.dry_run ? "would remove" : "removed",
                        report.files, base::human_bytes(report.bytes))));
  return 0;
}

Result<int> verify(App& app, store::Store& store) {
  const auto damages = TRY(store.verify(app.args().flag("quarantine"), app.progress(), app.stop()));
  app.close_progress();
  if (app.json()) {
    base::Json rows = base::Json::array();
    for (const store::Damage& damage : damages)
      rows.push_back({{"path", damage.path}, {"what", damage.what}});
    TRY(print(base::pretty_json({{"damaged", rows}})));
  } else if (damages.empty()) {
    TRY(print("every blob and input is what its name says\n"));
  } else {
    for (const store::Damage& damage : damages)
      TRY(print(fmt::format("{}: {}\n", damage.path, damage.what)));
    if (!app.args().flag("quarantine"))
      TRY(print("'imgforge cache verify --quarantine' moves them away\n"));
  }
  return damages.empty() ? 0 : exit_code(Errc::mismatch);
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "cache", "one of du, prune, verify"));
  const std::string& what = app.args().positional()[0];
  store::Store& store = *TRY(app.store());
  if (what == "du") return usage(app, store);
  if (what == "prune") return prune(app, store);
  if (what == "verify") return verify(app, store);
  return fail(Error(Errc::usage, "there is no 'cache " + what + "'")
                  .hint("imgforge cache du|prune|verify"));
}

}  // namespace

Command cache_command() {
  return {.name = "cache",
          .summary = "look after the store: du, prune, verify",
          .synopsis = "du|prune|verify [options]",
          .details =
              "Examples:\n"
              "  imgforge cache du\n"
              "  imgforge cache prune --dry-run\n"
              "  imgforge cache prune --inputs --keep specs/app.yaml\n"
              "  imgforge cache verify --quarantine",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli
