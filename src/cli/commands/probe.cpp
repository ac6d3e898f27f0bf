// probe: runs an image's own probe in a container with GPUs.
#include <fmt/format.h>

#include <cstdio>

#include "base/process.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/engine.h"
#include "cli/image_view.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr const char* kProbe = "/opt/imgforge/bin/imgforge";

constexpr Option kOptions[] = {
    {"engine", 'e', "NAME", "podman, docker or nerdctl (default: the first that is installed)"},
    {"gpus", 'g', "LIST", "all (default), none, or GPUs by index or UUID: 0,1"},
    {"engine-option", 0, "WORD",
     "one more option for the engine's run, as --engine-option=--shm-size=8g", true},
    {"dry-run", 'n', "", "print the engine's command, and run nothing"},
};

/// Images of the store by the name they have there, which podman reads itself; others as they
/// stand.
Result<std::string> name_for(App& app, Engine engine, const std::string& text) {
  const bool named_place =
      text.find(':') != std::string::npos && text.find('/') != std::string::npos;
  const auto reference = oci::Reference::parse(text);
  if (named_place || (reference && reference->registry())) return text;
  const auto view = open_image(app, text);
  if (!view) {
    return view.error().code() == Errc::not_found ? Result<std::string>(text) : fail(view.error());
  }
  if (engine != Engine::podman) {
    return fail(
        Error(Errc::usage, fmt::format("{} cannot read imgforge's store", to_string(engine)))
            .hint(fmt::format("imgforge build SPEC -o docker-archive:image.tar && {} load -i "
                              "image.tar, or --engine podman",
                              to_string(engine))));
  }
  return fmt::format("oci:{}:{}", view->directory, view->name);
}

Result<int> run(App& app) {
  const auto& positional = app.args().positional();
  if (positional.empty()) {
    return fail(
        Error(Errc::usage, "probe takes an image")
            .hint(
                "imgforge probe IMAGE [-- OPTIONS OF THE PROBE]; inside an image: imgforge probe"));
  }
  const Engine engine = TRY(find_engine(app.args().value("engine")));
  Run run{.image = TRY(name_for(app, engine, positional[0])),
          .program = kProbe,
          .options = {},
          .words = {"probe"}};
  const std::string gpus = app.args().value("gpus").value_or("all");
  run.options = TRY(gpu_options(engine, gpus));
  for (const std::string& word : app.args().values("engine-option")) run.options.push_back(word);
  if (gpus == "none") run.words.emplace_back("--allow-no-gpu");
  if (app.json()) run.words.emplace_back("--json");
  run.words.insert(run.words.end(), positional.begin() + 1, positional.end());

  const auto argv = command_line(engine, run);
  app.close_progress();
  if (app.args().flag("dry-run")) {
    std::vector<std::string> quoted;
    for (const std::string& word : argv) quoted.push_back(base::shell_quote(word));
    TRY(print(base::join(quoted, " ") + "\n"));
    return 0;
  }
  base::Command command{.argv = argv};
  command.on_stdout = [](base::Bytes bytes) { return print(std::string(base::as_text(bytes))); };
  const auto done = TRY(base::run_command(command, app.stop()));
  if (auto refused = explain_refusal(engine, run, done.status, done.err))
    return fail(*std::move(refused));
  std::fwrite(done.err.data(), 1, done.err.size(), stderr);
  return done.status;
}

}  // namespace

Command probe_command() {
  return {
      .name = "probe",
      .summary = "run an image's own check of GPU, driver and libraries, in a container",
      .synopsis = "IMAGE [options] [-- OPTIONS OF THE PROBE]",
      .details =
          "IMAGE is what the engine takes (HOST/REPOSITORY:TAG, and for podman oci:DIR:TAG), or an "
          "image of the store.\n"
          "Exit codes are the probe's: 0 ok, 1 a check failed, 2 usage or no such image, 3 no GPU "
          "visible, 4 the host's\n"
          "fault, 5 the image's, 6 hardware, 7 timeout. What an engine says before the container "
          "starts is explained.\n\n"
          "Examples:\n"
          "  imgforge probe harbor.example/ml/app:v2.6-lts\n"
          "  imgforge probe pytorch-cuda --gpus 0 -- --skip libraries\n"
          "  imgforge probe harbor.example/ml/app:v1 --json | imgforge attest "
          "harbor.example/ml/app:v1 -t probe -p - -k gpu-farm.key",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
