// env show: the image of a commit.
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/output.h"
#include "env/message.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {IMGFORGE_REGISTRY_OPTIONS};

Result<int> run(App& app) {
  if (app.args().positional().size() > 1) TRY(expect_words(app, 1, "env show", "one commit"));
  const auto git = TRY(env::Git::open(".", app.stop()));
  const auto& words = app.args().positional();
  const std::string id = TRY(git.commit(words.empty() ? "HEAD" : words[0]));
  const env::Contract contract = TRY(contract_of_commit(app, git, id));
  const env::Pin pin = TRY(require_pin(contract));
  const std::string message = TRY(git.message(id));
  const auto annotation = env::read_annotation(message);
  const std::string image = env::image_name(contract, pin);
  const std::string command = "imgforge env run " + id.substr(0, 12);
  app.close_progress();
  if (app.json()) {
    base::Json json = {{"commit", id},
                       {"image", image},
                       {"tag", pin.tag.to_string()},
                       {"digest", pin.digest.to_string()},
                       {"build", pin.build},
                       {"components", pin.components},
                       {"run", command}};
    if (annotation && *annotation) json["annotation"] = (*annotation)->to_string();
    if (!annotation) json["annotation_error"] = annotation.error().message();
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  const env::Commit commit{.id = id, .parents = {}, .message = message, .contract = {}};
  std::string text = fmt::format("{} {}\n  image     {}\n  tag       {}\n", id.substr(0, 12),
                                 commit.subject(), image, pin.tag.to_string());
  if (!pin.build.empty()) text += fmt::format("  build     {}\n", pin.build);
  text += fmt::format("  message   {}\n", !annotation   ? annotation.error().message()
                                          : *annotation ? (*annotation)->to_string()
                                                        : "says nothing");
  if (!pin.components.empty()) {
    Table table({{"COMPONENT", Table::Align::left}, {"VERSION", Table::Align::left}});
    for (const auto& [name, version] : pin.components) table.add({name, version});
    text += "\n" + table.to_string();
  }
  text += "\nrun it:\n  " + command + "\n  imgforge inspect " + image + "\n";
  TRY(print(text));
  return 0;
}

}  // namespace

Command env_show_command() {
  return {.name = "env show",
          .summary = "show the image of a commit, what is in it, and how to run it",
          .synopsis = "[COMMIT]",
          .details =
              "By .imgforge.yaml as it stands in that commit; HEAD without COMMIT. The registry is "
              "asked only for a commit without\n"
              "that file: its annotation is resolved as it is now.\n\n"
              "Examples:\n"
              "  imgforge env show HEAD~3\n"
              "  imgforge inspect \"$(imgforge env show v1.2 --json | jq -r .image)\"",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli
