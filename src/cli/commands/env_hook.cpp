// env hook: git's hooks, installed and done.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/output.h"
#include "env/hooks.h"
#include "env/message.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    {"chain", 0, "", "install: keep another hook that is there, and run it first"},
    {"uninstall", 0, "", "install: take the hooks away again"},
    {"dry-run", 'n', "", "install: only say what would be done"},
    {"promise", 0, "FILE",
     "run: what the environment says of itself (default: /opt/imgforge/promise.json)"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// For one commit that has to be made outside: IMGFORGE_ENV_OUTSIDE=1 git commit.
constexpr const char* kOutside = "IMGFORGE_ENV_OUTSIDE";

constexpr const char* kTemplate =
    "\n\n[env: auto]\n\n"
    "# The first line says what the commit does, in the imperative; at most 60 letters or so.\n"
    "# Below it: why. [env: auto] becomes the pinned environment.\n";

/// githooks(5): no editor will come up, and then "#" begins no comment.
bool is_edited(const App& app) {
  const auto& environment = app.settings().addresses.environment;
  const auto editor = environment.find("GIT_EDITOR");
  return editor == environment.end() || editor->second != ":";
}

Result<int> install(App& app) {
  const auto git = TRY(env::Git::open(".", app.stop()));
  const std::string folder = TRY(git.path_of("hooks"));
  const bool dry_run = app.args().flag("dry-run");
  std::vector<std::string> names;
  std::string verb;
  if (app.args().flag("uninstall")) {
    verb = "removed";
    if (dry_run) {
      for (const env::Hook& hook : TRY(env::look_at_hooks(folder, app.self()))) {
        if (hook.state == env::HookState::ours || hook.state == env::HookState::outdated) {
          names.push_back(hook.name);
        }
      }
    } else {
      names = TRY(env::uninstall_hooks(folder));
    }
  } else {
    verb = "installed";
    TRY(own_hooks_folder(git));
    names.assign(env::kHooks.begin(), env::kHooks.end());
    TRY(env::install_hooks(folder, app.self(), app.args().flag("chain"), dry_run));
  }
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"folder", folder}, {verb, names}, {"dry_run", dry_run}})));
    return 0;
  }
  if (names.empty()) {
    TRY(print("no hook of imgforge is in " + folder + "\n"));
    return 0;
  }
  TRY(print(fmt::format("{}{} in {}: {}\n", dry_run ? "would be " : "", verb, folder,
                        base::join(names, ", "))));
  return 0;
}

/// The contract as it is about to be committed. nullopt: this repository has none, and its commits
/// are none of our business.
Result<std::optional<env::Contract>> staged_contract(const env::Git& git) {
  const auto text = TRY(git.staged_file(env::kContractFile));
  if (!text) return std::nullopt;
  return std::optional(TRY(env::Contract::parse(*text, env::kContractFile)));
}

/// Whether the pin is being changed by this very commit.
Result<bool> moves_the_pin(const env::Git& git, const env::Contract& contract) {
  const auto head = TRY(git.head());
  if (!head) return true;
  const auto text = TRY(git.file_at(*head, env::kContractFile));
  if (!text) return true;
  const auto before = env::Contract::parse(*text, env::kContractFile);
  return !before || before->pin != contract.pin;
}

Result<> pre_commit(App& app, const env::Git& git, const env::Contract& contract) {
  TRY(require_pin(contract));
  const auto& environment = app.settings().addresses.environment;
  const auto outside = environment.find(kOutside);
  if (contract.outside == env::Outside::allow) return {};
  if (outside != environment.end() && !outside->second.empty()) return {};
  auto inside = require_environment(app, git, contract);
  if (inside) return {};
  // The commit that moves the pin is made where the pin still was, or before anything is there.
  if (inside.error().code() == Errc::mismatch && TRY(moves_the_pin(git, contract))) return {};
  if (contract.outside == env::Outside::warn) {
    app.progress().warn(inside.error().message());
    return {};
  }
  return fail(std::move(inside.error())
                  .hint(fmt::format("imgforge env run starts the pinned one; for one commit: {}=1 "
                                    "git commit; for everybody: hooks: {{outside: warn}} in {}",
                                    kOutside, env::kContractFile)));
}

/// git's words for where a message comes from: "", message, template, merge, squash, commit.
Result<> prepare_message(const App& app, const env::Git& git, const env::Contract& contract,
                         const std::string& file, const std::string& source) {
  const auto annotation = contract.annotation();
  if (!annotation) return {};  // commit-msg says so
  const std::string message = TRY(base::read_file(file));
  const std::string text = TRY(git.without_comments(message));
  // What somebody wrote by hand is theirs, and commit-msg judges it; what comes from other commits
  // says their environment, and the commit that is being made has this one.
  const bool is_copied =
      source == "commit" || source == "squash" || source == "merge" || TRY(git.is_replaying());
  if (env::has_mark(text) && !is_copied) return {};
  const auto comment = TRY(git.setting("core.commentChar"));
  std::string begins = comment && comment->value != "auto" ? comment->value : "#";
  if (!is_edited(app)) begins.clear();
  const std::string changed = env::with_annotation(message, *annotation, begins);
  if (changed == message) return {};
  return base::write_file_atomic(file, changed);
}

Result<> commit_message(App& app, const env::Git& git, const env::Contract& contract,
                        const std::string& file) {
  std::string text = TRY(base::read_file(file));
  if (is_edited(app)) text = TRY(git.without_comments(text));
  if (env::is_blank(text)) {
    return fail(Error(Errc::refused, "the message is empty: nothing is committed")
                    .hint("write in its first line what the commit does"));
  }
  if (const auto branch = TRY(git.branch())) {
    if (const auto mixed = env::check_branch(contract, *branch)) return fail(to_error(*mixed));
  }
  const auto agreement = env::judge_message(text, contract, {});
  const auto* finding = std::get_if<env::Finding>(&*agreement);
  if (finding != nullptr) return fail(to_error(*finding));
  const auto* ask = std::get_if<env::AskTag>(&*agreement);
  if (ask == nullptr) return {};  // the pin itself: no question to anybody
  EnvImages images(app, {});
  const auto annotation = TRY(env::read_annotation(text));
  const auto settled = TRY(images.settle(*agreement, *annotation, contract));
  if (settled) return fail(to_error(*settled));
  return {};
}

Result<int> run_hook(App& app) {
  const auto& words = app.args().positional();
  const std::string name = words.size() > 1 ? words[1] : "";
  if (std::find(env::kHooks.begin(), env::kHooks.end(), name) == env::kHooks.end()) {
    return fail(Error(Errc::usage, fmt::format("there is no hook '{}' of imgforge", name))
                    .hint("pre-commit, prepare-commit-msg FILE [SOURCE], commit-msg FILE"));
  }
  if (name != "pre-commit" && words.size() < 3) {
    return fail(Error(Errc::usage, name + " takes the file of the message")
                    .hint("git gives it: imgforge env hook run " + name + " \"$@\""));
  }
  const auto git = TRY(env::Git::open(".", app.stop()));
  const auto contract = TRY(staged_contract(git));
  if (!contract) return 0;
  if (name == "pre-commit") {
    TRY(pre_commit(app, git, *contract));
  } else if (name == "prepare-commit-msg") {
    TRY(prepare_message(app, git, *contract, words[2], words.size() > 3 ? words[3] : ""));
  } else {
    TRY(commit_message(app, git, *contract, words[2]));
  }
  return 0;
}

Result<int> run(App& app) {
  const auto& words = app.args().positional();
  const std::string what = words.empty() ? "" : words[0];
  if (what == "run") return run_hook(app);
  if (what == "install" && words.size() == 1) return install(app);
  if (what == "template" && words.size() == 1) {
    TRY(print(kTemplate));
    return 0;
  }
  return fail(Error(Errc::usage, "env hook takes install, template or run")
                  .hint("imgforge env hook --help"));
}

}  // namespace

Command env_hook_command() {
  return {
      .name = "env hook",
      .summary = "install git's hooks that hold commits to the contract",
      .synopsis = "install|template|run NAME [options]",
      .details =
          "  install     pre-commit, prepare-commit-msg and commit-msg, where git looks for hooks\n"
          "  template    print a template of messages, for commit.template\n"
          "  run NAME    what such a hook does; other hooks may call it\n\n"
          "pre-commit refuses commits that are made outside of the pinned environment (for one "
          "commit: IMGFORGE_ENV_OUTSIDE=1\n"
          "git commit). prepare-commit-msg writes [env: NAME:TAG]. commit-msg refuses a message "
          "that contradicts the pin, and a pin\n"
          "that is not the branch's; it asks the registry only about tags that the pin does not "
          "name.\n\n"
          "Examples:\n"
          "  imgforge env hook install\n"
          "  imgforge env hook install --chain\n"
          "  imgforge env hook install --uninstall\n"
          "  imgforge env hook template > .gitmessage && git config commit.template .gitmessage",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
