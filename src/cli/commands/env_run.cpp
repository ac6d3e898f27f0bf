// env run: a container of a commit's image, with that commit's files.
#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/ends.h"
#include "cli/env_contract.h"
#include "cli/env_images.h"
#include "cli/env_start.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

constexpr Option kOptions[] = {
    IMGFORGE_START_OPTIONS,
    {"clean", 0, "", "a clean checkout also of the commit that is checked out"},
    {"keep", 0, "", "leave the checkout of an old commit in its folder"},
    {"verify", 0, "", "judge the image by the trust policy before it is started"},
    IMGFORGE_TRUST_OPTIONS,
    {"dry-run", 'n', "", "print the engine's command, and run nothing"},
    IMGFORGE_REGISTRY_OPTIONS,
};

/// The words of the command line: a commit before "--", a program behind it.
struct Words {
  std::string commit;  // empty: the working tree
  std::vector<std::string> program;
};
Result<Words> read_words(const App& app) {
  const auto& all = app.args().positional();
  const std::size_t before = app.args().before_dashes();
  if (before > 1) {
    return fail(Error(Errc::usage, fmt::format("'{}' is too much: one commit, and the program "
                                               "behind --",
                                               all[1]))
                    .hint("imgforge env run HEAD~3 -- python train.py"));
  }
  Words words;
  if (before == 1) words.commit = all[0];
  words.program.assign(all.begin() + static_cast<std::ptrdiff_t>(before), all.end());
  return words;
}

/// A checkout of an old commit, that goes when this does, unless there is something new in it.
class Checkout {
 public:
  static Result<Checkout> make(const env::Git& git, const std::string& commit,
                               const std::string& temporary) {
    base::TempDir folder = TRY(base::TempDir::create(temporary, "imgforge-env"));
    Checkout made(git, std::move(folder), commit.substr(0, 12));
    TRY(git.add_worktree(made.path(), commit));
    return made;
  }
  std::string path() const { return folder_ / name_; }

  /// What became of it, for people; empty: it is gone.
  Result<std::string> end(bool keep) {
    const bool changed = TRY(env::Git::has_changes(path(), {}));
    if (!keep && !changed) {
      TRY(git_.remove_worktree(path()));
      return std::string();
    }
    const std::string where = path();
    folder_.keep();
    return fmt::format("the checkout {} stays{}; when it may go: git worktree remove --force {}",
                       where, keep ? "" : ", since the run left files in it", where);
  }

 private:
  Checkout(const env::Git& git, base::TempDir folder, std::string name)
      : git_(git), folder_(std::move(folder)), name_(std::move(name)) {}
  const env::Git& git_;
  base::TempDir folder_;
  std::string name_;
};

std::string temporary_folder(const App& app) {
  const auto& environment = app.settings().addresses.environment;
  const auto found = environment.find("TMPDIR");
  return found == environment.end() || !found->second.starts_with('/') ? "/tmp" : found->second;
}

Result<> verify(App& app, const env::Git& git, const env::Contract& contract, const env::Pin& pin) {
  EnvImages images(app, TRY(trust_for(app, &contract, git.top())));
  const auto finding = TRY(images.judge_pin(contract, pin));
  if (finding) return fail(to_error(*finding));
  return {};
}

Result<int> print_dry_run(App& app, const Wish& wish) {
  const auto argv = command_line(wish.engine, wish.start);
  app.close_progress();
  if (app.json()) {
    TRY(print(base::pretty_json({{"image", wish.start.image},
                                 {"tree", wish.start.tree},
                                 {"commit", wish.start.commit},
                                 {"command", argv}})));
  } else {
    TRY(print(shown(argv) + "\n"));
  }
  return 0;
}

Result<int> run_working_tree(App& app, const Words& words) {
  const Contracted here = TRY(open_contract(app));
  const env::Pin pin = TRY(require_pin(here.contract));
  if (const auto branch = TRY(here.git.branch())) {
    const auto mixed = env::check_branch(here.contract, *branch);
    if (mixed) app.progress().warn(mixed->sentence);
  }
  Wish wish = TRY(read_wish(app, here.git, here.contract, pin, words.program));
  if (const auto head = TRY(here.git.head())) wish.start.commit = *head;
  const std::string folder = TRY(base::absolute_path("."));
  if (folder.starts_with(here.git.top() + "/")) wish.start.folder = folder;
  if (app.args().flag("dry-run")) return print_dry_run(app, wish);
  if (app.args().flag("verify")) TRY(verify(app, here.git, here.contract, pin));
  app.close_progress();
  return start(app, wish);
}

Result<int> run_commit(App& app, const env::Git& git, const std::string& commit,
                       const Words& words) {
  const env::Contract contract = TRY(contract_of_commit(app, git, commit));
  const env::Pin pin = TRY(require_pin(contract));
  Wish wish = TRY(read_wish(app, git, contract, pin, words.program));
  wish.start.commit = commit;
  // Programs ask git for the commit they are; they do not write to the repository.
  wish.start.repository = TRY(git.common_directory());
  wish.start.may_write_repository = false;
  if (app.args().flag("dry-run")) {
    wish.start.tree = temporary_folder(app) + "/imgforge-env-…/" + commit.substr(0, 12);
    wish.start.folder = wish.start.tree;
    return print_dry_run(app, wish);
  }
  if (app.args().flag("verify")) TRY(verify(app, git, contract, pin));
  Checkout checkout = TRY(Checkout::make(git, commit, temporary_folder(app)));
  wish.start.tree = checkout.path();
  wish.start.folder = checkout.path();
  app.progress().note(
      fmt::format("{} is checked out at {}", commit.substr(0, 12), checkout.path()));
  app.close_progress();
  const auto status = start(app, wish);
  const std::string stays = TRY(checkout.end(app.args().flag("keep")));
  if (!stays.empty()) std::fwrite((stays + "\n").data(), 1, stays.size() + 1, stderr);
  return status;
}

Result<int> run(App& app) {
  if (app.args().flag("trust-policy") && !app.args().flag("verify")) {
    return fail(Error(Errc::usage, "--trust-policy decides nothing here without --verify")
                    .hint("add --verify"));
  }
  const Words words = TRY(read_words(app));
  if (words.commit.empty() && !app.args().flag("clean")) return run_working_tree(app, words);
  const auto git = TRY(env::Git::open(".", app.stop()));
  const std::string commit = TRY(git.commit(words.commit.empty() ? "HEAD" : words.commit));
  const bool is_head = TRY(git.head()) == commit;
  if (is_head && !app.args().flag("clean")) return run_working_tree(app, words);
  return run_commit(app, git, commit, words);
}

}  // namespace

Command env_run_command() {
  return {
      .name = "env run",
      .summary = "run a program, or a shell, in the image of a commit with its files",
      .synopsis = "[COMMIT] [options] [-- PROGRAM ARGUMENTS]",
      .details =
          "Without COMMIT, and for the one that is checked out: the working tree as it is, mounted "
          "under its own path. For another\n"
          "commit: a checkout of its own in a temporary folder, which goes at the end, unless the "
          "run left files in it. The image is\n"
          "started by digest, with all GPUs. Without PROGRAM: a shell. The exit code is the "
          "program's.\n"
          "Ports are published on this machine only, unless an address is given. Secrets come from "
          "--env-file; one that git has is\n"
          "refused.\n\n"
          "Examples:\n"
          "  imgforge env run -- python train.py\n"
          "  imgforge env run 4f1e2d --gpus 0 -- pytest\n"
          "  imgforge env run --jupyter --env-file ~/wandb.env\n"
          "  imgforge env run HEAD~20 --dry-run",
      .options = kOptions,
      .run = run};
}

}  // namespace imgforge::cli
