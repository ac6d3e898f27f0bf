#include <fmt/format.h>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

std::vector<std::string> spelled_options(const Command& command) {
  std::vector<std::string> words;
  for (const Option& option : command.options) words.push_back(fmt::format("--{}", option.name));
  for (const Option& option : common_options()) words.push_back(fmt::format("--{}", option.name));
  return words;
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  return base::join(names, " ");
}

std::string bash() {
  std::string out =
      "# bash completion for imgforge: source <(imgforge completion bash)\n_imgforge() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words=\n";
  out += fmt::format(
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='{} help --help --version'\n  else\n    "
      "case $command in\n",
      command_names());
  for (const Command& command : commands()) {
    out += fmt::format("      {}) words='{}' ;;\n", command.name,
                       base::join(spelled_options(command), " "));
  }
  out +=
      "    esac\n  fi\n"
      "  if [[ $cur == -* || $COMP_CWORD -eq 1 ]]; then\n    mapfile -t COMPREPLY < <(compgen -W "
      "\"$words\" -- \"$cur\")\n"
      "  else\n    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n  fi\n}\n"
      "complete -o filenames -F _imgforge imgforge\n";
  return out;
}

std::string zsh() {
  std::string out =
      "#compdef imgforge\n# zsh completion for imgforge: source <(imgforge completion "
      "zsh)\n_imgforge() {\n"
      "  if (( CURRENT == 2 )); then\n    local -a names=(\n";
  for (const Command& command : commands()) {
    out += fmt::format("      {}\n",
                       base::shell_quote(fmt::format("{}:{}", command.name, command.summary)));
  }
  out += "    )\n    _describe command names\n    return\n  fi\n  case $words[2] in\n";
  for (const Command& command : commands()) {
    out += fmt::format("    {}) compadd -- {}; _files ;;\n", command.name,
                       base::join(spelled_options(command), " "));
  }
  // Sourced, it registers itself; found in fpath by compinit, it is the function itself.
  return out +
         "  esac\n}\nif [ \"$funcstack[1]\" = _imgforge ]; then\n  _imgforge \"$@\"\nelse\n  "
         "compdef "
         "_imgforge imgforge\nfi\n";
}

std::string fish() {
  std::string out = "# fish completion for imgforge: imgforge completion fish | source\n";
  for (const Command& command : commands()) {
    out += fmt::format("complete -c imgforge -n __fish_use_subcommand -f -a {} -d {}\n",
                       command.name, base::shell_quote(command.summary));
    for (const auto options : {command.options, common_options()}) {
      for (const Option& option : options) {
        out += fmt::format(
            "complete -c imgforge -n '__fish_seen_subcommand_from {}' -l {}{}{} -d {}\n",
            command.name, option.name,
            option.letter != 0 ? fmt::format(" -s {}", option.letter) : "",
            option.placeholder.empty() ? "" : " -r", base::shell_quote(option.help));
      }
    }
  }
  return out;
}

Result<int> run(App& app) {
  TRY(expect_words(app, 1, "completion", "one of bash, zsh, fish"));
  const std::string& shell = app.args().positional()[0];
  if (shell != "bash" && shell != "zsh" && shell != "fish") {
    return fail(
        Error(Errc::usage, "there is no completion for '" + shell + "'").hint("bash, zsh or fish"));
  }
  TRY(print(shell == "bash" ? bash() : shell == "zsh" ? zsh() : fish()));
  return 0;
}

}  // namespace

Command completion_command() {
  return {.name = "completion",
          .summary = "print a completion script for bash, zsh or fish",
          .synopsis = "bash|zsh|fish",
          .details = "Example:\n  source <(imgforge completion bash)",
          .options = {},
          .run = run};
}

}  // namespace imgforge::cli
