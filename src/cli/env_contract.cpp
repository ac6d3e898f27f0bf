#include "cli/env_contract.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"
#include "cli/engine.h"
#include "cli/env_start.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kLargestPromise = 1 << 20;
constexpr std::chrono::milliseconds kEnginePatience{5000};

bool has_container(Engine engine, const std::vector<std::string>& labels, std::stop_token stop) {
  base::Command command{.argv = {std::string(to_string(engine)), "ps", "--quiet"}};
  for (const std::string& label : labels) {
    command.argv.insert(command.argv.end(), {"--filter", "label=" + label});
  }
  command.timeout = kEnginePatience;
  const auto done = base::run_command(command, std::move(stop));
  return done && done->status == 0 && !base::trim(done->out).empty();
}

}  // namespace

Result<Contracted> open_contract(App& app) {
  auto git = TRY(env::Git::open(".", app.stop()));
  std::string file = base::join_path(git.top(), env::kContractFile);
  if (!base::exists(file)) {
    return fail(
        Error(Errc::not_found, fmt::format("{} does not exist: this repository does not say which "
                                           "environment it needs",
                                           file))
            .hint("imgforge env pin HOST/REPOSITORY:TAG writes it"));
  }
  std::string text = TRY(base::read_file(file, 1 << 20));
  auto contract = TRY(env::Contract::parse(text, env::kContractFile));
  return Contracted{std::move(git), std::move(contract), std::move(text), std::move(file)};
}

Result<env::Contract> contract_at(const env::Git& git, const std::string& commit) {
  const auto text = TRY(git.file_at(commit, env::kContractFile));
  if (!text) {
    return fail(Error(Errc::not_found, fmt::format("the commit {} has no {}", commit.substr(0, 12),
                                                   env::kContractFile))
                    .hint("it is older than the contract; 'git log -- .imgforge.yaml' shows since "
                          "when there is one"));
  }
  return env::Contract::parse(*text,
                              fmt::format("{}:{}", commit.substr(0, 12), env::kContractFile));
}

Result<env::Pin> require_pin(const env::Contract& contract) {
  if (contract.pin) return *contract.pin;
  return fail(Error(Errc::refused, fmt::format("{} has no pin", env::kContractFile))
                  .hint("imgforge env pin TAG"));
}

Error to_error(const env::Finding& finding) {
  return Error(env::is_verification(finding.kind) ? Errc::mismatch : Errc::refused,
               finding.sentence)
      .hint(finding.hint);
}

Result<std::string> own_hooks_folder(const env::Git& git) {
  const auto setting = TRY(git.setting("core.hooksPath"));
  if (!setting || setting->scope == "local" || setting->scope == "worktree" ||
      setting->scope == "command") {
    return git.path_of("hooks");
  }
  return fail(
      Error(Errc::refused,
            fmt::format("core.hooksPath ({}) is {}: its hooks are those of every repository",
                        setting->scope, setting->value))
          .hint("call from the hooks there: imgforge env hook run NAME \"$@\" || exit; or "
                "give this repository its own: git config core.hooksPath .git/hooks"));
}

Result<std::optional<env::Running>> running_here(const App& app) {
  const auto wanted = app.args().value("promise");
  const std::string file = wanted.value_or(env::kPromiseFile);
  if (!wanted && !base::exists(file)) return std::nullopt;
  const std::string text = TRY(base::read_file(file, kLargestPromise));
  return std::optional(TRY(env::read_running(text, file)));
}

Companion find_companion(const env::Git& git, const env::Contract& contract, const env::Pin& pin,
                         std::stop_token stop) {
  const std::string tree = fmt::format("{}={}", kTreeLabel, git.top());
  const std::string image = fmt::format("{}={}", kImageLabel, env::image_name(contract, pin));
  Companion found = Companion::none;
  for (const Engine engine : {Engine::podman, Engine::docker, Engine::nerdctl}) {
    if (!find_engine(std::string(to_string(engine)))) continue;
    if (has_container(engine, {tree, image}, stop)) return Companion::pinned;
    if (has_container(engine, {tree}, stop)) found = Companion::other;
  }
  return found;
}

Result<> require_environment(App& app, const env::Git& git, const env::Contract& contract) {
  const env::Pin pin = TRY(require_pin(contract));
  const std::string wanted = contract.annotation()->to_string();
  const std::string start = "imgforge env run starts the pinned one; docs/howto/env.md";
  if (const auto running = TRY(running_here(app))) {
    const auto different = env::differences(contract, *running);
    if (different.empty()) return {};
    return fail(Error(Errc::mismatch, fmt::format("this is not the pinned environment {}: {}",
                                                  wanted, env::sentence(different)))
                    .hint(start));
  }
  switch (find_companion(git, contract, pin, app.stop())) {
    case Companion::pinned:
      return {};
    case Companion::other:
      return fail(Error(Errc::mismatch, fmt::format("the container of this working tree was "
                                                    "started from another image than the pinned {}",
                                                    wanted))
                      .hint("end it, then: imgforge env run"));
    case Companion::none:
      break;
  }
  return fail(Error(Errc::mismatch, fmt::format("this is outside of the pinned environment {}: no "
                                                "{} here, and no container for this working tree",
                                                wanted, env::kPromiseFile))
                  .hint(start));
}

}  // namespace imgforge::cli
