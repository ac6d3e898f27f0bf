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

spec::ImageSpec with_implicit(spec::ImageSpec spec) {
  const bool has_probe = std::any_of(spec.layers.begin(), spec.layers.end(),
                                     [](const spec::LayerUse& use) { return use.kind == kProbe; });
  if (!has_probe) {
    spec.layers.insert(spec.layers.empty() ? spec.layers.end() : spec.layers.begin() + 1,
                       implicit_probe(spec));
  }
  return spec;
}

}  // namespace

Result<spec::ImageSpec> load_image(const std::string& spec_file,
                                   const std::vector<std::string>& layer_paths) {
  return with_implicit(TRY(spec::load_spec(spec_file, layer_paths)));
}

Result<spec::ImageSpec> read_image(const document::Node& root, const std::string& spec_file,
                                   const std::vector<std::string>& layer_paths) {
  return with_implicit(TRY(spec::read_spec(root, spec_file, layer_paths)));
}

Result<std::vector<DefinedLayer>> define(const spec::ImageSpec& spec) {
  std::vector<DefinedLayer> layers;
  for (const spec::LayerUse& use : spec.layers) {
    auto definition = layer::decode(use.entry);
    if (!definition) {
      return fail(std::move(definition.error()).context("layer " + use.id));
    }
    layers.push_back({use, std::move(*definition)});
  }
  return layers;
}

}  // namespace imgforge::build
