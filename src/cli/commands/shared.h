// What several commands need.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"
#include "build/plan.h"
#include "cli/app.h"
#include "spec/image_spec.h"

namespace imgforge::cli {

/// The one positional word, or Errc::usage that names the specs which lie under specs/.
Result<std::string> spec_argument(const App& app);

/// Every input of a plan once, in layer order.
std::vector<sources::Input> all_inputs(const build::Plan& plan);

/// For a command that judges, with --json: one document on stdout, with the error in it where there
/// is one, which also goes where people look. The exit code.
Result<int> print_judgement(const App& app, base::Json document, const Error* error);

/// Exactly `count` positional words, or Errc::usage with the synopsis.
Result<> expect_words(const App& app, std::size_t count, const char* command, const char* synopsis);

}  // namespace imgforge::cli
