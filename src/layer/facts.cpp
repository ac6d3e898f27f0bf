#include "layer/facts.h"

#include <algorithm>

namespace imgforge::layer {

std::string PythonFacts::minor() const {
  const auto first = version.find('.');
  if (first == std::string::npos) return version;
  return version.substr(0, version.find('.', first + 1));
}

const Component* Facts::find(std::string_view name) const {
  const auto found = std::find_if(components.begin(), components.end(),
                                  [&](const Component& one) { return one.name == name; });
  return found == components.end() ? nullptr : &*found;
}

void Facts::set(Component component) {
  const auto found = std::find_if(components.begin(), components.end(),
                                  [&](const Component& one) { return one.name == component.name; });
  if (found == components.end()) {
    components.push_back(std::move(component));
  } else {
    *found = std::move(component);
  }
}

}  // namespace imgforge::layer
