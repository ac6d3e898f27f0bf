// env setup: the first command in a new clone.
#include <fmt/format.h>

#include "base/json.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/env_start.h"
#include "cli/output.h"
#include "env/hooks.h"

namespace imgforge::cli {
namespace {

constexpr const char* kProbe = "/opt/imgforge/bin/imgforge";

constexpr Option kOptions[] = {
    IMGFORGE_START_OPTIONS,
    {"hooks", 0, "", "install git's hooks too"},
    {"no-start", 0, "", "end when everything is there"},
    IMGFORGE_TRUST_OPTIONS,
    {"dry-run", 'n', "", "print the steps, and do nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// Signed, and there; a refused login says what to type.
Result<> verify(App& app, const Contracted& here, const env::Pin& pin) {
  EnvImages images(app, TRY(trust_for(app, &here.contract, here.git.top())));
  auto found = images.judge_pin(here.contract, pin);
  if (!found) {
    const Errc code = found.error().code();
    if (code != Errc::unauthorized && code != Errc::forbidden)
      return fail(std::move(found.error()));
    return fail(std::move(found.error())
                    .hint(fmt::format("imgforge login {} --username NAME, then again: imgforge env "
                                      "setup",
                                      here.contract.repository.host)));
  }
  if (*found) return fail(to_error(**found));
  return {};
}

/// A step of the engine that is seen at work; its words are its own.
Result<int> engine_step(App& app, const std::vector<std::string>& argv) {
  base::Command command{.argv = argv};
  const auto pass_on = [](std::string_view line) {
    const std::string text = std::string(line) + "\n";
    std::fwrite(text.data(), 1, text.size(), stderr);
  };
  command.on_stderr_line = pass_on;
  const auto done = TRY(base::run_command(command, app.stop()));
  std::fwrite(done.out.data(), 1, done.out.size(), stderr);  // results are the program's
  return done.status;
}

std::vector<std::string> pull_line(const Wish& wish) {
  std::vector<std::string> argv{std::string(to_string(wish.engine)), "pull", "--quiet"};
  if (wish.engine == Engine::podman && wish.start.plain_http) {
    argv.emplace_back("--tls-verify=false");
  }
  argv.push_back(wish.start.image);
  return argv;
}

ContainerRun probe_run(const App& app, const Wish& wish) {
  ContainerRun run{.image = wish.start.image,
                   .program = kProbe,
                   .options = wish.start.gpu_options,
                   .words = {"probe"}};
  if (app.args().value("gpus") == "none") run.words.emplace_back("--allow-no-gpu");
  if (wish.engine == Engine::podman && wish.start.plain_http) {
    run.options.emplace_back("--tls-verify=false");
  }
  return run;
}

Result<> pull(App& app, const Wish& wish) {
  const int status = TRY(engine_step(app, pull_line(wish)));
  if (status == 0) return {};
  return fail(Error(Errc::unavailable, fmt::format("{} could not pull {}; its reason stands above",
                                                   to_string(wish.engine), wish.start.image))
                  .hint("imgforge login writes the file that podman and docker read; is the disk "
                        "full? imgforge doctor"));
}

/// Success: the image is what it promises on this machine.
Result<int> probe(App& app, const Wish& wish) {
  const ContainerRun run = probe_run(app, wish);
  base::Command command{.argv = command_line(wish.engine, run)};
  const auto done = TRY(base::run_command(command, app.stop()));
  if (auto refused = explain_refusal(wish.engine, run, done.status, done.err)) {
    return fail(*std::move(refused));
  }
  std::fwrite(done.out.data(), 1, done.out.size(), stderr);
  std::fwrite(done.err.data(), 1, done.err.size(), stderr);
  return done.status;
}

Result<int> run(App& app) {
  if (app.args().before_dashes() > 0) TRY(expect_words(app, 0, "env setup", "a program behind --"));
  const Contracted here = TRY(open_contract(app));
  const env::Pin pin = TRY(require_pin(here.contract));
  Wish wish = TRY(read_wish(app, here.git, here.contract, pin, app.args().positional()));
  if (const auto head = TRY(here.git.head())) wish.start.commit = *head;
  const bool begins = !app.args().flag("no-start");
  if (app.args().flag("dry-run")) {
    std::vector<std::string> steps{"imgforge verify " + wish.start.image, shown(pull_line(wish)),
                                   shown(command_line(wish.engine, probe_run(app, wish)))};
    if (app.args().flag("hooks")) steps.emplace_back("imgforge env hook install");
    if (begins) steps.push_back(shown(command_line(wish.engine, wish.start)));
    app.close_progress();
    TRY(print(app.json() ? base::pretty_json({{"image", wish.start.image}, {"steps", steps}})
                         : base::join(steps, "\n") + "\n"));
    return 0;
  }
  TRY(verify(app, here, pin));
  app.progress().note(fmt::format("{} is signed, and its digest is {}",
                                  here.contract.annotation()->to_string(), pin.digest.to_string()));
  TRY(pull(app, wish));
  app.progress().note("pulled; what the image says of this machine:");
  const int probed = TRY(probe(app, wish));
  if (probed != 0) return probed;  // the probe has said why, and whose fault it is
  if (app.args().flag("hooks")) {
    TRY(env::install_hooks(TRY(own_hooks_folder(here.git)), app.self(), /*chain=*/false));
    app.progress().note("hooks are installed");
  }
  app.close_progress();
  if (!begins) {
    TRY(print(app.json() ? base::pretty_json({{"image", wish.start.image},
                                              {"digest", pin.digest.to_string()},
                                              {"hooks", app.args().flag("hooks")}})
                         : wish.start.image + "\n"));
    return 0;
  }
  return start(app, wish);
}

}  // namespace

Command env_setup_command() {
  return {
      .name = "env setup",
      .summary = "from a new clone to a running environment: verify, pull, probe, start",
      .synopsis = "[options] [-- PROGRAM ARGUMENTS]",
      .details =
          "Verifies the pinned digest, lets the engine pull it, runs the image's own probe, and "
          "starts a shell (or PROGRAM) in it with\n"
          "the working tree, as 'imgforge env run' does. Ends with the probe's exit code where the "
          "probe finds something.\n"
          "Who is trusted: --trust-policy, the configuration, else `trust_policy` of "
          ".imgforge.yaml.\n\n"
          "Examples:\n"
          "  imgforge env setup\n"
          "  imgforge env setup --hooks --jupyter\n"
          "  imgforge env setup --gpus none --no-start",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
