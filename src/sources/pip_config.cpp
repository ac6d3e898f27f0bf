#include "sources/pip_config.h"

#include "base/file.h"
#include "base/process.h"
#include "base/text.h"

namespace imgforge::sources {
namespace {

std::string value_of(const std::map<std::string, std::string>& environment, const char* name) {
  const auto found = environment.find(name);
  return found == environment.end() ? std::string() : found->second;
}

}  // namespace

std::optional<std::string> index_url_of_pip_config(std::string_view text) {
  std::optional<std::string> global, install;
  std::string section;
  for (const std::string_view raw : base::lines(text)) {
    const std::string_view line = base::trim(raw);
    if (line.empty() || line.starts_with('#') || line.starts_with(';')) continue;
    if (line.starts_with('[') && line.ends_with(']')) {
      section = std::string(line.substr(1, line.size() - 2));
      continue;
    }
    const std::size_t sign = line.find_first_of("=:");
    if (sign == std::string_view::npos) continue;
    const std::string key =
        base::replace_all(base::to_lower(base::trim(line.substr(0, sign))), "_", "-");
    if (key != "index-url") continue;
    const std::string value(base::trim(line.substr(sign + 1)));
    if (section == "global") global = value;
    if (section == "install") install = value;
  }
  return global ? global : install;
}

std::optional<std::string> configured_default_index(
    const std::map<std::string, std::string>& environment, const std::string& system_pip_config) {
  if (const std::string url = value_of(environment, "PIP_INDEX_URL"); !url.empty()) return url;
  const std::string home = value_of(environment, "HOME");
  std::string config_home = value_of(environment, "XDG_CONFIG_HOME");
  if (config_home.empty() && !home.empty()) config_home = home + "/.config";
  std::vector<std::string> files = {value_of(environment, "PIP_CONFIG_FILE")};
  const bool only_named = files[0] == "/dev/null";
  if (!config_home.empty()) files.push_back(config_home + "/pip/pip.conf");
  if (!home.empty()) files.push_back(home + "/.pip/pip.conf");
  files.push_back(system_pip_config);
  for (const std::string& file : files) {
    if (only_named || file.empty() || !base::exists(file)) continue;
    const auto text = base::read_file(file, 1 << 20);
    if (!text) continue;
    if (const auto url = index_url_of_pip_config(*text)) return url;
  }
  return std::nullopt;
}

Result<std::string> built_in_default_index(const std::string& uv) {
  const auto first_line = [](const base::CommandResult& result) {
    const auto all = base::lines(result.out);
    return result.status == 0 && !all.empty() ? std::string(base::trim(all[0])) : std::string();
  };
  const auto pip = base::run_command(
      {.argv = {"python3", "-c",
                "from pip._internal.models.index import PyPI; print(PyPI.simple_url)"}});
  if (pip) {
    if (const std::string url = first_line(*pip); url.starts_with("http")) return url;
  }
  if (!uv.empty()) {
    const auto answer =
        base::run_command({.argv = {uv, "pip", "compile", "-", "--emit-index-url", "--offline",
                                    "--no-header", "--no-config", "--no-cache", "--quiet"},
                           .input = "\n"});
    constexpr std::string_view kOption = "--index-url ";
    if (answer) {
      if (const std::string line = first_line(*answer); line.starts_with(kOption)) {
        return line.substr(kOption.size());
      }
    }
  }
  return fail(Errc::not_found,
              "no Python index is configured, and neither pip nor uv is there to "
              "say which one is usual");
}

}  // namespace imgforge::sources
