// Where a list goes on: the Link field (RFC 8288) as registries use it.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace imgforge::registry {

/// The target of the first link with rel="next", as it stands there; nullopt: this was all.
std::optional<std::string> next_link(const std::vector<std::string>& fields);

}  // namespace imgforge::registry
