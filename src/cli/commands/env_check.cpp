// env check: whether this is the pinned environment.
#include <fmt/format.h>

#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/env_contract.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"promise", 0, "FILE",
     "what the environment says of itself (default: /opt/imgforge/promise.json)"},
};

Result<int> run(App& app) {
  TRY(expect_words(app, 0, "env check", "no words"));
  const Contracted here = TRY(open_contract(app));
  const env::Pin pin = TRY(require_pin(here.contract));
  const auto branch = TRY(here.git.branch());
  const auto mixed = branch ? env::check_branch(here.contract, *branch) : std::nullopt;
  const auto running = TRY(running_here(app));
  const auto environment = require_environment(app, here.git, here.contract);
  // What differs is in doubt before what is against a rule.
  std::optional<Error> error;
  if (!environment) {
    error = environment.error();
  } else if (mixed) {
    error = to_error(*mixed);
  }
  std::vector<env::Difference> different;
  if (running) different = env::differences(here.contract, *running);
  app.close_progress();
  if (app.json()) {
    base::Json json = {{"pinned", env::image_name(here.contract, pin)},
                       {"annotation", here.contract.annotation()->to_string()},
                       {"inside", running.has_value()},
                       {"agrees", environment.has_value()},
                       {"differences", base::Json::array()}};
    if (branch) json["branch"] = *branch;
    if (running) json["running"] = {{"image", running->image}, {"tag", running->tag}};
    for (const env::Difference& one : different) {
      json["differences"].push_back(
          {{"what", one.what}, {"pinned", one.pinned}, {"running", one.running}});
    }
    return print_judgement(app, std::move(json), error ? &*error : nullptr);
  }
  if (!different.empty()) {
    Table table({{"WHAT", Table::Align::left},
                 {"PINNED", Table::Align::left},
                 {"HERE", Table::Align::left}});
    for (const env::Difference& one : different) table.add({one.what, one.pinned, one.running});
    TRY(print(table.to_string()));
  }
  if (error) return fail(*std::move(error));
  TRY(print(fmt::format("{} the pinned environment {}\n",
                        running ? "this is" : "a container for this working tree runs",
                        here.contract.annotation()->to_string())));
  return 0;
}

}  // namespace

Command env_check_command() {
  return {
      .name = "env check",
      .summary = "say whether this is the pinned environment, and what differs",
      .synopsis = "[options]",
      .details =
          "Inside an image: its promise is compared with the pin. Outside: a container that "
          "'imgforge env run' started for\n"
          "this working tree counts, when it runs from the pinned digest. Then the branch's "
          "rule is checked.\n"
          "Exit code 5: another environment, or none. 7: the pin is not the branch's channel.\n\n"
          "Examples:\n"
          "  imgforge env check\n"
          "  imgforge env check --json",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
