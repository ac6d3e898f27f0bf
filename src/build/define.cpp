#include "build/define.h"

#include <algorithm>

namespace imgforge::build {
namespace {

constexpr const char* kProbe = "probe";

spec::LayerUse implicit_probe(const spec::ImageSpec& spec) {
  using document::Node;
  const Location nowhere{.file = spec.file};
  std::vector<std::pair<Node, Node>> entry;
  entry.emplace_back(Node::scalar("kind", nowhere), Node::scalar(kProbe, nowhere));
  return {.id = kProbe,
          .kind = kProbe,
          .title = "",
          .origin = "implicit",
          .compression = "",
          .entry = Node::map(std::move(entry), nowhere)};
}

}  // namespace

Result<std::vector<DefinedLayer>> define(const spec::ImageSpec& spec) {
  std::vector<spec::LayerUse> uses = spec.layers;
  const bool has_probe = std::any_of(uses.begin(), uses.end(),
                                     [](const spec::LayerUse& use) { return use.kind == kProbe; });
  if (!has_probe) {
    uses.insert(uses.empty() ? uses.end() : uses.begin() + 1, implicit_probe(spec));
  }
  std::vector<DefinedLayer> layers;
  for (spec::LayerUse& use : uses) {
    auto definition = layer::decode(use.entry);
    if (!definition) {
      return fail(std::move(definition.error()).context("layer " + use.id));
    }
    layers.push_back({std::move(use), std::move(*definition)});
  }
  return layers;
}

}  // namespace imgforge::build
