// What a build will do, decided before anything is done: layers in order, each with the key that
// names its bytes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "layer/facts.h"
#include "layer/recipe.h"
#include "release/build_tag.h"
#include "spec/lock.h"

namespace imgforge::build {

struct PlannedLayer {
  std::string id;
  std::string kind;
  std::string title;
  std::unique_ptr<layer::Recipe> recipe;
  archive::Encoder encoder;
  std::string material;  // canonical JSON: everything the bytes depend on
  store::LayerKey key;   // sha256 of it
};

struct Plan {
  std::vector<PlannedLayer> layers;  // lowest first
  layer::Facts facts;
  release::BuildTag tag;
};

/// Reads local project files (kind files) and nothing else. `lock` must belong to `spec`
/// (spec::check_lock). `ignore_local_changes`: files of a git commit are those of the commit,
/// whatever the working copy has become.
Result<Plan> make_plan(const spec::ImageSpec& spec, const spec::Lock& lock,
                       bool ignore_local_changes = false);

/// How a layer stands before the build.
struct LayerState {
  std::optional<store::BuiltLayer> built;   // it is in the store
  std::optional<spec::BuiltRecord> record;  // the lock knows what it became elsewhere
  /// It need not be built: the registry that the image goes to has it (publication.h). Its blob may
  /// be there alone.
  std::optional<store::BuiltLayer> elsewhere;
  std::string reason;  // for people: why it is built or reused
};

/// The layer that a record tells of; nullopt for a record that cannot be read.
std::optional<store::BuiltLayer> recorded_layer(const PlannedLayer& layer,
                                                const spec::BuiltRecord& record);

/// `previous`: key and material per layer id of the last build of this image here (see remember()).
Result<std::vector<LayerState>> survey(const Plan& plan, const spec::Lock& lock,
                                       const store::Store& store, const std::string& image);

/// Keeps the plan's keys in the store, so that the next plan can say what changed.
Result<> remember(const Plan& plan, const store::Store& store, const std::string& image);

}  // namespace imgforge::build
