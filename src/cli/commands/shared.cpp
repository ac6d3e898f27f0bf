#include "cli/commands/shared.h"

#include <fmt/format.h>

#include <set>

#include "base/file.h"
#include "base/text.h"
#include "cli/output.h"

namespace imgforge::cli {

Result<std::string> spec_argument(const App& app) {
  const auto& words = app.args().positional();
  if (words.size() == 1) return words[0];
  if (words.size() > 1) {
    return fail(Errc::usage, fmt::format("one spec at a time; '{}' is too much", words[1]));
  }
  Error error(Errc::usage, "which spec?");
  std::vector<std::string> specs;
  if (const auto names = base::list_directory("specs")) {
    for (const std::string& name : *names) {
      if (name.ends_with(".yaml")) specs.push_back("specs/" + name);
    }
  }
  if (specs.empty()) return fail(std::move(error).hint("give the path of a spec file"));
  return fail(std::move(error).hint("here are " + base::join(specs, ", ")));
}

std::vector<sources::Input> all_inputs(const build::Plan& plan) {
  std::vector<sources::Input> all;
  std::set<oci::Digest> seen;
  for (const build::PlannedLayer& layer : plan.layers) {
    for (sources::Input& input : layer.recipe->inputs()) {
      if (seen.insert(input.digest).second) all.push_back(std::move(input));
    }
  }
  return all;
}

Result<int> print_judgement(const App& app, base::Json document, const Error* error) {
  if (error != nullptr) {
    document["error"] = TRY(base::parse_json(error_json(*error), "the error"))["error"];
  }
  TRY(print(base::pretty_json(document)));
  if (error == nullptr) return 0;
  const std::string text = render_error(*error, colour_wanted(stderr, app.settings().no_color));
  std::fwrite(text.data(), 1, text.size(), stderr);
  return exit_code(*error);
}

Result<> expect_words(const App& app, std::size_t count, const char* command,
                      const char* synopsis) {
  if (app.args().positional().size() == count) return {};
  return fail(Error(Errc::usage, fmt::format("{} takes {}", command, synopsis))
                  .hint(fmt::format("imgforge {} --help", command)));
}

}  // namespace imgforge::cli
