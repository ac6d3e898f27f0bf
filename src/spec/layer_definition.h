// A layer definition as it stands in its file (layers/os/debian12.yaml), and the folders that
// definitions are found in. Format: docs/formats/layer-definition.md.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "document/node.h"
#include "spec/parameters.h"

namespace imgforge::spec {

struct LayerDefinition {
  std::string name;     // "os/debian12"
  std::string file;     // as opened
  std::string display;  // "layers/os/debian12.yaml": the same on every machine
  std::string summary;
  std::vector<Parameter> parameters;
  std::vector<document::Node> layers;    // maps with `kind` or `use`, parameters not yet put in
  std::optional<document::Node> config;  // what it adds to the image's runtime configuration
  document::Node root;                   // the whole document, for the digest
};

Result<LayerDefinition> parse_definition(const document::Node& root, const std::string& name);

/// Finds definitions by name in a list of folders, the first that has it; reads each file once.
class DefinitionFinder {
 public:
  explicit DefinitionFinder(std::vector<std::string> folders) : folders_(std::move(folders)) {}

  /// `name` is the value of `use:`. The pointer stays valid as long as the finder.
  Result<const LayerDefinition*> find(const document::Node& name);

  /// Everything found so far.
  const std::map<std::string, LayerDefinition>& used() const { return used_; }
  /// The same, as files in the order of first use.
  const std::vector<std::string>& files() const { return files_; }

 private:
  Error not_found(const document::Node& name) const;

  std::vector<std::string> folders_;
  std::map<std::string, LayerDefinition> used_;
  std::vector<std::string> files_;
};

}  // namespace imgforge::spec
