#include "registry/scope.h"

#include <algorithm>

#include "base/text.h"

namespace imgforge::registry {

Scopes Scopes::pull(const std::string& repository) {
  Scopes scopes;
  scopes.actions_[{"repository", repository}] = {"pull"};
  return scopes;
}

Scopes Scopes::push(const std::string& repository) {
  Scopes scopes;
  scopes.actions_[{"repository", repository}] = {"pull", "push"};
  return scopes;
}

Scopes Scopes::removal(const std::string& repository) {
  Scopes scopes;
  scopes.actions_[{"repository", repository}] = {"delete", "pull"};
  return scopes;
}

Scopes Scopes::with(const Scopes& other) const {
  Scopes both = *this;
  both.add(other);
  return both;
}

Scopes Scopes::parse(std::string_view text) {
  Scopes scopes;
  for (const std::string_view scope : base::split(text, ' ')) {
    // A name may have colons (a host with its port): the type ends at the first, the actions begin
    // after the last.
    const std::size_t first = scope.find(':'), last = scope.rfind(':');
    if (first == std::string_view::npos || first == last || first == 0) continue;
    auto& actions = scopes.actions_[{std::string(scope.substr(0, first)),
                                     std::string(scope.substr(first + 1, last - first - 1))}];
    for (const std::string_view action : base::split(scope.substr(last + 1), ',')) {
      if (!action.empty()) actions.emplace(action);
    }
  }
  return scopes;
}

void Scopes::add(const Scopes& other) {
  for (const auto& [resource, actions] : other.actions_) {
    actions_[resource].insert(actions.begin(), actions.end());
  }
}

bool Scopes::contains(const Scopes& other) const {
  return std::all_of(other.actions_.begin(), other.actions_.end(), [&](const auto& wanted) {
    const auto have = actions_.find(wanted.first);
    return have != actions_.end() && std::includes(have->second.begin(), have->second.end(),
                                                   wanted.second.begin(), wanted.second.end());
  });
}

std::vector<std::string> Scopes::to_strings() const {
  std::vector<std::string> texts;
  for (const auto& [resource, actions] : actions_) {
    texts.push_back(resource.first + ":" + resource.second + ":" +
                    base::join(std::vector<std::string>(actions.begin(), actions.end()), ","));
  }
  return texts;
}

}  // namespace imgforge::registry
