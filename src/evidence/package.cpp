#include "evidence/package.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::evidence {

Party parse_party(std::string_view text) {
  Party party;
  text = base::trim(text);
  const std::size_t open = text.find('<');
  const std::size_t close = text.find('>', std::min(open, text.size()));
  if (open != std::string_view::npos && close != std::string_view::npos) {
    party.email = base::trim(text.substr(open + 1, close - open - 1));
    text = base::trim(text.substr(0, open));
  } else if (text.find('@') != std::string_view::npos && text.find(' ') == std::string_view::npos) {
    party.email = text;
  }
  if (text.size() >= 2 && text.front() == '"' && text.back() == '"') {
    text = text.substr(1, text.size() - 2);
  }
  party.name = text.empty() ? party.email : std::string(text);
  constexpr std::string_view kTeams[] = {"authority",   "authors",    "contributors", "corporation",
                                         "developers",  "foundation", "group",        "inc.",
                                         "maintainers", "packag",     "project",      "team"};
  const std::string lower = base::to_lower(party.name);
  party.organization =
      std::any_of(std::begin(kTeams), std::end(kTeams),
                  [&](std::string_view word) { return lower.find(word) != std::string::npos; });
  return party;
}

const Package* Inventory::find(std::string_view id) const {
  const auto found = std::find_if(packages.begin(), packages.end(),
                                  [&](const Package& package) { return package.id == id; });
  return found == packages.end() ? nullptr : &*found;
}

}  // namespace imgforge::evidence
