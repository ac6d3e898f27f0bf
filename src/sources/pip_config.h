// Which Python index this machine uses by default, as pip decides it: environment, configuration
// files (https://pip.pypa.io/en/stable/topics/configuration/), then what pip or uv has built in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::sources {

/// index-url of [global], or of [install] when [global] has none. A value may be quoted by neither
/// ' nor ", as in Python's configparser.
std::optional<std::string> index_url_of_pip_config(std::string_view text);

/// PIP_INDEX_URL, then the files that count in this environment, the strongest first; nullopt when
/// nothing is configured.
std::optional<std::string> configured_default_index(
    const std::map<std::string, std::string>& environment, const std::string& system_pip_config);

/// Asks pip (through python3), then uv. `uv` may be empty. not_found when neither is there.
Result<std::string> built_in_default_index(const std::string& uv);

}  // namespace imgforge::sources
