#include "cli/reference.h"

#include "base/json.h"
#include "cli/app.h"
#include "cli/output.h"
#include "cli/version.h"

namespace imgforge::cli {
namespace {

base::Json options_json(std::span<const Option> options) {
  base::Json rows = base::Json::array();
  for (const Option& option : options) {
    rows.push_back({{"name", option.name},
                    {"letter", option.letter == 0 ? "" : std::string(1, option.letter)},
                    {"placeholder", option.placeholder},
                    {"help", option.help},
                    {"repeated", option.repeated}});
  }
  return rows;
}

base::Json error_kinds_json() {
  using base::Errc;
  base::Json kinds = base::Json::object();
  for (int number = 0; number <= static_cast<int>(Errc::internal); ++number) {
    const auto code = static_cast<Errc>(number);
    kinds[std::string(base::to_string(code))] = exit_code(code);
  }
  return kinds;
}

}  // namespace

std::string reference_json() {
  base::Json rows = base::Json::array();
  for (const Command& command : commands()) {
    rows.push_back({{"name", command.name},
                    {"summary", command.summary},
                    {"synopsis", command.synopsis},
                    {"details", command.details},
                    {"options", options_json(command.options)}});
  }
  return base::pretty_json({{"version", kVersion},
                            {"commands", rows},
                            {"common_options", options_json(common_options())},
                            {"error_kinds", error_kinds_json()}});
}

}  // namespace imgforge::cli
