// env: which environment the code of a repository needs. What it does stands in env_*.cpp.
#include <fmt/format.h>

#include "base/text.h"
#include "cli/commands/commands.h"

namespace imgforge::cli {
namespace {

constexpr std::string_view kParts[] = {"pin",    "status", "check", "hook",
                                       "verify", "show",   "run",   "setup"};

Result<int> run(App& app) {
  const auto& words = app.args().positional();
  if (words.empty()) {
    return fail(Error(Errc::usage,
                      "env takes one of pin, status, check, hook, verify, show, run, "
                      "setup")
                    .hint("imgforge env --help"));
  }
  const auto near = base::nearest(words[0], kParts);
  return fail(Error(Errc::usage, fmt::format("there is no 'env {}'", words[0]))
                  .hint(near ? fmt::format("did you mean 'imgforge env {}'?", *near)
                             : "imgforge env --help"));
}

}  // namespace

Command env_command() {
  return {.name = "env",
          .summary = "which image a git commit needs: pin, check, hooks, run",
          .synopsis = "pin|status|check|hook|verify|show|run|setup [options]",
          .details =
              "The contract between commits and images stands in .imgforge.yaml; commit messages "
              "carry [env: NAME:TAG].\n\n"
              "  pin TAG        choose the image: resolved, verified, written by digest\n"
              "  status         what is pinned, what the tag is now, whether hooks are there\n"
              "  check          whether this is the pinned environment, and what differs\n"
              "  hook           git's hooks: install, uninstall\n"
              "  verify A..B    for pipelines: every commit keeps the contract\n"
              "  show COMMIT    the image of a commit, and how to run it\n"
              "  run [COMMIT]   a container of that image with that commit's files\n"
              "  setup          the first command in a new clone\n\n"
              "Examples:\n"
              "  imgforge env setup\n"
              "  imgforge env pin v2.6-lts\n"
              "  imgforge env run -- python train.py\n"
              "  imgforge env pin --help",
          .options = {},
          .run = run};
}

}  // namespace imgforge::cli
