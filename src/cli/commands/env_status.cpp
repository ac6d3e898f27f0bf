// env status: the contract at a glance.
#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/output.h"
#include "cli/repositories.h"
#include "env/hooks.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"offline", 0, "", "do not ask the registry"},
    {"promise", 0, "FILE",
     "what the environment says of itself (default: /opt/imgforge/promise.json)"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// What the pinned tag is now, in words, and as a digest where there is one.
struct Now {
  std::string text, digest;
};
Now tag_now(App& app, const env::Contract& contract, const env::Pin& pin) {
  if (app.args().flag("offline")) return {"not asked", ""};
  const auto ask = [&]() -> Result<std::optional<oci::Descriptor>> {
    const auto repository = TRY(open_repository(app, contract.repository));
    return repository->resolve(pin.tag);
  };
  const auto found = ask();
  // A status is still one without a network.
  if (!found) return {"not known: " + found.error().message(), ""};
  if (!*found) return {"the registry has no such tag any more", ""};
  const std::string digest = (*found)->digest.to_string();
  if ((*found)->digest == pin.digest) return {"the pinned digest", digest};
  return {fmt::format("{} now; 'imgforge env pin' takes it", digest), digest};
}

std::string hooks_text(const std::vector<env::Hook>& hooks) {
  std::vector<std::string> parts;
  for (const env::Hook& hook : hooks) {
    parts.push_back(fmt::format("{} {}", hook.name, env::to_string(hook.state)));
  }
  return base::join(parts, ", ");
}

Result<int> run(App& app) {
  TRY(expect_words(app, 0, "env status", "no words"));
  const Contracted here = TRY(open_contract(app));
  const env::Contract& contract = here.contract;
  const auto branch = TRY(here.git.branch());
  const auto rule = branch ? contract.branches.channel_of(*branch) : std::nullopt;
  const auto mixed = branch ? env::check_branch(contract, *branch) : std::nullopt;
  const auto hooks = TRY(env::look_at_hooks(TRY(here.git.path_of("hooks")), app.self()));
  const Now now = contract.pin ? tag_now(app, contract, *contract.pin) : Now{};
  const auto environment = contract.pin ? require_environment(app, here.git, contract)
                                        : Result<>(fail(Errc::refused, "nothing is pinned"));
  app.close_progress();
  if (app.json()) {
    base::Json json = {{"repository", contract.repository_name()},
                       {"in_environment", environment.has_value()},
                       {"hooks", base::Json::object()}};
    if (contract.pin) {
      json["pin"] = {{"tag", contract.pin->tag.to_string()},
                     {"digest", contract.pin->digest.to_string()},
                     {"build", contract.pin->build},
                     {"components", contract.pin->components}};
      json["tag_is_now"] = now.digest;
      json["annotation"] = contract.annotation()->mark();
    }
    if (branch) json["branch"] = *branch;
    if (rule) json["branch_channel"] = *rule;
    json["mixed"] = mixed.has_value();
    for (const env::Hook& hook : hooks) {
      json["hooks"][hook.name] = std::string(env::to_string(hook.state));
    }
    TRY(print(base::pretty_json(json)));
    return 0;
  }
  std::string text = fmt::format("repository   {}\n", contract.repository_name());
  if (contract.pin) {
    const env::Pin& pin = *contract.pin;
    text += fmt::format("pinned       {}\ndigest       {}\n", pin.tag.to_string(),
                        pin.digest.to_string());
    if (!pin.build.empty()) text += fmt::format("build        {}\n", pin.build);
    std::vector<std::string> parts;
    for (const auto& [name, version] : pin.components) parts.push_back(name + " " + version);
    if (!parts.empty()) text += fmt::format("components   {}\n", base::join(parts, ", "));
    text +=
        fmt::format("the tag is   {}\nmessages say {}\n", now.text, contract.annotation()->mark());
  } else {
    text += "pinned       nothing; imgforge env pin TAG\n";
  }
  if (branch) {
    text += fmt::format("branch       {}, {}\n", *branch,
                        !rule   ? "for which there is no rule"
                        : mixed ? "which is for " + *rule + ": " + mixed->hint
                                : "which is for " + *rule);
  }
  text += fmt::format("here         {}\n",
                      environment ? "the pinned environment" : environment.error().message());
  text += fmt::format("hooks        {}\n", hooks_text(hooks));
  TRY(print(text));
  return 0;
}

}  // namespace

Command env_status_command() {
  return {.name = "env status",
          .summary = "show what is pinned, what the tag is now, and whether hooks are there",
          .synopsis = "[options]",
          .details =
              "Judges nothing: 'imgforge env check' does. Without an answer from the registry it "
              "says so, and goes on.\n\n"
              "Examples:\n"
              "  imgforge env status\n"
              "  imgforge env status --offline --json",
          .options = kOptions,
          .run = run};
}

}  // namespace imgforge::cli
