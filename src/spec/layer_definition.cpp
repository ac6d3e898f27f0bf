#include "spec/layer_definition.h"

#include <algorithm>

#include "base/file.h"
#include "base/text.h"
#include "document/fields.h"
#include "spec/read_document.h"

namespace imgforge::spec {

using document::Fields;
using document::Node;

namespace {

constexpr const char* kExtensions[] = {".yaml", ".json"};

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

bool is_definition_name(std::string_view text) {
  for (std::string_view part : base::split(text, '/')) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    };
    if (part.empty() || part.front() == '.' || !std::all_of(part.begin(), part.end(), allowed)) {
      return false;
    }
  }
  return true;
}

/// Names of all definitions in a folder, two levels deep, as the catalogue has them.
void list_definitions(const std::string& folder, const std::string& prefix, int levels,
                      std::vector<std::string>& names) {
  const auto entries = base::list_directory(folder);
  if (!entries) return;  // only for a suggestion
  for (const std::string& entry : *entries) {
    const std::string path = base::join_path(folder, entry);
    for (std::string_view extension : kExtensions) {
      if (entry.ends_with(extension)) {
        names.push_back(prefix + entry.substr(0, entry.size() - extension.size()));
      }
    }
    if (levels > 1 && base::is_directory(path)) {
      list_definitions(path, prefix + entry + "/", levels - 1, names);
    }
  }
}

}  // namespace

Result<LayerDefinition> parse_definition(const Node& root, const std::string& name) {
  LayerDefinition definition;
  definition.name = name;
  definition.root = root;
  Fields fields(root, "the layer definition");
  check_format_version(fields);
  if (fields.text("layer") != name && fields.has("layer")) {
    fields.reject("layer", "the definition is found as " + name + ", and calls itself otherwise",
                  "write layer: " + name);
  }
  definition.summary = fields.text_or("summary", "");
  const auto parameters = fields.optional_node("parameters");
  definition.layers = fields.maps_or_empty("layers");
  definition.config = fields.optional_node("config");
  TRY(fields.finish());
  if (definition.layers.empty() && !definition.config) {
    return fail(root.error("the definition " + name + " has neither layers nor config"));
  }
  if (parameters) definition.parameters = TRY(parse_parameters(*parameters));
  return definition;
}

Result<const LayerDefinition*> DefinitionFinder::find(const Node& name) {
  if (!name.is_scalar()) return fail(name.error("\"use\" must be the name of a layer definition"));
  const std::string& text = name.text();
  if (const auto known = used_.find(text); known != used_.end()) return &known->second;
  if (!is_definition_name(text)) {
    return fail(name.error(quote(text) + " cannot be the name of a layer definition")
                    .hint("names look like os/debian12, relative to a folder of definitions"));
  }
  for (const std::string& folder : folders_) {
    for (const char* extension : kExtensions) {
      const std::string file = base::join_path(folder, text + extension);
      if (!base::exists(file)) continue;
      const Node root = TRY(read_document(file));
      LayerDefinition definition = TRY(parse_definition(root, text));
      definition.file = file;
      definition.display = "layers/" + text + extension;
      files_.push_back(file);
      return &used_.emplace(text, std::move(definition)).first->second;
    }
  }
  return fail(not_found(name));
}

Error DefinitionFinder::not_found(const Node& name) const {
  constexpr int kLevels = 2;
  std::vector<std::string> names;
  for (const std::string& folder : folders_) list_definitions(folder, "", kLevels, names);
  const std::string& text = name.text();
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  auto near = base::nearest(text, candidates);
  if (!near && (text.ends_with(".yaml") || text.ends_with(".json"))) {
    near = text.substr(0, text.size() - 5);
  }
  return name.error("there is no layer definition " + quote(text))
      .hint((near ? "did you mean " + *near + "? " : "") +
            "definitions are looked for in: " + base::join(folders_, ", "));
}

}  // namespace imgforge::spec
