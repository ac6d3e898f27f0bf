#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/commands/commands.h"
#include "cli/commands/shared.h"
#include "cli/output.h"

namespace imgforge::cli {
namespace {

/// The commands that completion of a command's words knows: itself, and "env pin" for "env".
std::vector<const Command*> parts_of(const Command& command) {
  std::vector<const Command*> parts{&command};
  for (const Command& other : commands()) {
    if (other.name.starts_with(fmt::format("{} ", command.name))) parts.push_back(&other);
  }
  return parts;
}

std::vector<std::string> spelled_options(const Command& command) {
  std::vector<std::string> words;
  const auto add = [&words](const Option& option) {
    std::string word = fmt::format("--{}", option.name);
    if (std::find(words.begin(), words.end(), word) == words.end())
      words.push_back(std::move(word));
  };
  for (const Command* part : parts_of(command)) {
    for (const Option& option : part->options) add(option);
  }
  for (const Option& option : common_options()) add(option);
  return words;
}

/// "pin", "status", … of "env".
std::string second_words(const Command& command) {
  std::vector<std::string> words;
  for (const Command* part : parts_of(command)) {
    if (part != &command) words.emplace_back(part->name.substr(command.name.size() + 1));
  }
  return base::join(words, " ");
}

std::string command_names() {
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    if (!is_part(command)) names.emplace_back(command.name);
  }
  return base::join(names, " ");
}

std::string bash() {
  std::string out =
      "# bash completion for imgforge: source <(imgforge completion bash)\n_imgforge() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]} words= whole=\n";
  out += fmt::format(
      "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n    words='{} help --help --version'\n  else\n    "
      "case $command in\n",
      command_names());
  for (const Command& command : commands()) {
    if (is_part(command)) continue;
    out += fmt::format("      {}) words='{}'", command.name,
                       base::join(spelled_options(command), " "));
    if (const std::string second = second_words(command); !second.empty()) {
      out += fmt::format("; [ \"$COMP_CWORD\" -eq 2 ] && words='{}' && whole=1", second);
    }
    out += " ;;\n";
  }
  out +=
      "    esac\n  fi\n"
      "  if [[ $cur == -* || $COMP_CWORD -eq 1 || -n $whole ]]; then\n    mapfile -t COMPREPLY < "
      "<(compgen -W "
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
    if (is_part(command)) continue;
    out += fmt::format("      {}\n",
                       base::shell_quote(fmt::format("{}:{}", command.name, command.summary)));
  }
  out += "    )\n    _describe command names\n    return\n  fi\n  case $words[2] in\n";
  for (const Command& command : commands()) {
    if (is_part(command)) continue;
    out += fmt::format("    {}) compadd -- {} {}; _files ;;\n", command.name, second_words(command),
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
    if (is_part(command)) {
      const std::size_t blank = command.name.find(' ');
      out +=
          fmt::format("complete -c imgforge -n '__fish_seen_subcommand_from {}' -f -a {} -d {}\n",
                      command.name.substr(0, blank), command.name.substr(blank + 1),
                      base::shell_quote(command.summary));
      continue;
    }
    out += fmt::format("complete -c imgforge -n __fish_use_subcommand -f -a {} -d {}\n",
                       command.name, base::shell_quote(command.summary));
    std::vector<std::span<const Option>> tables{common_options()};
    for (const Command* part : parts_of(command)) tables.push_back(part->options);
    for (const auto options : tables) {
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
