#include "cli/args.h"

#include <algorithm>
#include <cxxopts.hpp>

#include "base/text.h"

namespace imgforge::cli {
namespace {

constexpr const char* kPositional = "positional-words";

Error usage_error(const std::string& command, std::span<const Option> options,
                  const std::vector<std::string>& words, const std::string& what) {
  Error error(Errc::usage, command + ": " + what);
  std::vector<std::string> spelled;
  for (const Option& option : options) spelled.push_back("--" + std::string(option.name));
  const std::vector<std::string_view> known(spelled.begin(), spelled.end());
  for (const std::string& word : words) {
    const std::string name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--") continue;
    bool exists = false;
    for (std::string_view option : known) exists = exists || option == name;
    if (exists) continue;
    if (const auto near = base::nearest(name, known)) {
      return std::move(error).hint("did you mean " + *near + "?");
    }
  }
  return std::move(error).hint("imgforge " + command + " --help");
}

}  // namespace

Result<Args> Args::parse(const std::string& command, std::span<const Option> options,
                         const std::vector<std::string>& words) {
  Args args;
  try {
    cxxopts::Options parser("imgforge " + command);
    for (const Option& option : options) {
      std::string names = std::string(option.name);
      if (option.letter != 0) names = std::string(1, option.letter) + "," + names;
      if (option.placeholder.empty()) {
        parser.add_options()(names, std::string(option.help), cxxopts::value<bool>());
      } else {
        // Strings, not vectors: cxxopts would split vectors at commas.
        parser.add_options()(names, std::string(option.help), cxxopts::value<std::string>());
      }
    }
    parser.add_options()(kPositional, "", cxxopts::value<std::vector<std::string>>());
    std::vector<const char*> argv = {"imgforge"};
    for (const std::string& word : words) argv.push_back(word.c_str());
    const auto result = parser.parse(static_cast<int>(argv.size()), argv.data());
    for (const auto& pair : result.arguments()) args.values_[pair.key()].push_back(pair.value());
    args.positional_ = result.unmatched();
    const auto dashes = std::find(words.begin(), words.end(), "--");
    if (dashes != words.end()) {
      args.after_dashes_ = static_cast<std::size_t>(words.end() - dashes) - 1;
    }
  } catch (const std::exception& error) {
    return fail(usage_error(command, options, words, error.what()));
  }
  for (const Option& option : options) {
    const auto found = args.values_.find(option.name);
    if (found != args.values_.end() && !option.repeated && !option.placeholder.empty() &&
        found->second.size() > 1) {
      return fail(usage_error(command, options, words,
                              "--" + std::string(option.name) + " is given more than once"));
    }
  }
  return args;
}

bool Args::flag(std::string_view name) const { return values_.find(name) != values_.end(); }

std::optional<std::string> Args::value(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::nullopt : std::optional(found->second.back());
}

std::vector<std::string> Args::values(std::string_view name) const {
  const auto found = values_.find(name);
  return found == values_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace imgforge::cli
