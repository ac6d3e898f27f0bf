// One entry of a spec's `layers:` list, decoded by its kind. Three steps, each of which sees only
// what it needs: resolve (the only one that looks outside), contribute (facts from a locked part),
// recipes (layers from a locked part).
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "document/node.h"
#include "layer/facts.h"
#include "layer/recipe.h"
#include "sources/sources.h"

namespace imgforge::layer {

struct ResolveContext {
  store::Store& store;
  sources::Sources& sources;
  const Facts& below;             // of all layers under this one
  std::string project_directory;  // where relative paths of the spec start
  std::string scratch;
  /// The part that an older lock has for this layer, and the names that may change (empty set: all
  /// may).
  std::optional<std::string> previous_part;
  std::set<std::string> update;
  base::Progress& progress;
  std::stop_token stop;
  std::string probe_file;         // the compiled probe of this installation; kind probe pins it
  ImageSource* images = nullptr;  // kind `image` from a registry
};

struct PlanContext {
  const Facts& below;
  std::string project_directory;
  base::Seconds epoch;
  bool ignore_local_changes = false;
};

class Definition {
 public:
  virtual ~Definition() = default;
  /// What resolve() reads of the project, as the spec names it; absolute where the spec says so.
  virtual std::vector<std::string> project_paths() const { return {}; }
  /// The locked part: canonical JSON text, the kind's own format.
  virtual Result<std::string> resolve(const ResolveContext& context) const = 0;
  /// Adds what this layer brings. Fails when the part contradicts itself or what is below (Python
  /// too old for torch, …).
  virtual Result<> contribute(const std::string& part, Facts& facts) const = 0;
  /// The layers, lowest first. Reads nothing but local project files (kind files).
  virtual Result<std::vector<std::unique_ptr<Recipe>>> recipes(
      const std::string& part, const PlanContext& context) const = 0;
};

/// One row of the table of kinds. Adding a kind: one file, one row in kinds.cpp.
struct Kind {
  std::string_view name;
  bool executed;
  std::string_view summary;
  /// `entry` is the map of the spec with `kind`, `id`, `title`, `compression` still in it (use
  /// LayerFields, which knows them).
  Result<std::unique_ptr<Definition>> (*decode)(const document::Node& entry);
};

std::span<const Kind> kinds();
/// Finds the kind by the entry's `kind` key and decodes it; an unknown kind names the nearest.
Result<std::unique_ptr<Definition>> decode(const document::Node& entry);

}  // namespace imgforge::layer
