#include "registry/link.h"

#include <string_view>

#include "base/text.h"

namespace imgforge::registry {
namespace {

// "; rel=next", "; rel=\"prev next\"".
bool is_next(std::string_view parameters) {
  for (const std::string_view part : base::split(parameters, ';')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) continue;
    if (base::to_lower(base::trim(part.substr(0, equals))) != "rel") continue;
    std::string_view value = base::trim(part.substr(equals + 1));
    if (value.starts_with('"')) value.remove_prefix(1);
    if (value.ends_with('"')) value.remove_suffix(1);
    for (const std::string_view relation : base::split(value, ' ')) {
      if (base::to_lower(relation) == "next") return true;
    }
  }
  return false;
}

}  // namespace

std::optional<std::string> next_link(const std::vector<std::string>& fields) {
  for (const std::string& field : fields) {
    std::string_view rest = field;
    for (;;) {
      const std::size_t open = rest.find('<');
      const std::size_t close = rest.find('>', open == std::string_view::npos ? 0 : open);
      if (open == std::string_view::npos || close == std::string_view::npos) break;
      const std::string_view target = rest.substr(open + 1, close - open - 1);
      rest.remove_prefix(close + 1);
      // The parameters end where the next link begins.
      const std::size_t end = rest.find('<');
      std::string_view parameters = rest.substr(0, end);
      if (end != std::string_view::npos) {
        parameters = parameters.substr(0, parameters.rfind(','));
      }
      if (is_next(parameters)) return std::string(target);
    }
  }
  return std::nullopt;
}

}  // namespace imgforge::registry
