#include "build/lock_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.h"

namespace imgforge::build {
namespace {

struct Known {
  std::string version;
  bool security = false;
};
using Inputs = std::map<std::pair<std::string, std::string>, Known>;  // by layer and name

// "libc6_2.36-9_amd64.deb" and "numpy-1.26.4-cp311-….whl" tell their versions; of other files the
// digest is what there is.
std::pair<std::string, std::string> name_and_version(const sources::Input& input) {
  const std::string& file = input.name;
  const auto words = base::split(file, file.ends_with(".deb") ? '_' : '-');
  if ((file.ends_with(".deb") && words.size() == 3) ||
      (file.ends_with(".whl") && words.size() >= 5)) {
    return {std::string(words[0]), base::replace_all(std::string(words[1]), "%3a", ":")};
  }
  return {file, input.digest.to_string().substr(0, 19)};
}

std::string layer_of(const PlannedLayer& layer) {
  const std::size_t dot = layer.id.rfind('.');
  if (dot == std::string::npos || !base::parse_uint(layer.id.substr(dot + 1))) return layer.id;
  return layer.id.substr(0, dot);
}

// Files of the project are no input from outside.
bool is_from_outside(const sources::Input& input) {
  return input.origin.kind != sources::Origin::Kind::project;
}

Inputs inputs_of(const Plan& plan) {
  Inputs inputs;
  std::map<std::string, std::string> bases;
  for (const PlannedLayer& layer : plan.layers) {
    const std::string id = layer_of(layer);
    for (const sources::Input& input : layer.recipe->inputs()) {
      if (!is_from_outside(input)) continue;
      const auto [name, version] = name_and_version(input);
      const bool security = input.origin.role.find("security") != std::string::npos;
      inputs[{id, name}] = {version, security};
    }
    if (const auto blob = layer.recipe->base_blob()) bases[id] += blob->digest.to_string();
  }
  for (const auto& [id, digests] : bases) {
    inputs[{id, "base image"}] = {oci::Digest::of(digests).to_string().substr(0, 19), false};
  }
  return inputs;
}

}  // namespace

std::vector<LockChange> compare_inputs(const Plan& before, const Plan& after) {
  const Inputs old_inputs = inputs_of(before), new_inputs = inputs_of(after);
  std::vector<LockChange> changes;
  for (const auto& [key, now] : new_inputs) {
    const auto old = old_inputs.find(key);
    if (old != old_inputs.end() && old->second.version == now.version) continue;
    changes.push_back({key.first, key.second, old != old_inputs.end() ? old->second.version : "",
                       now.version, now.security});
  }
  for (const auto& [key, old] : old_inputs) {
    if (!new_inputs.contains(key))
      changes.push_back({key.first, key.second, old.version, "", false});
  }
  std::sort(changes.begin(), changes.end(), [](const LockChange& a, const LockChange& b) {
    return std::tie(a.layer, a.name) < std::tie(b.layer, b.name);
  });
  return changes;
}

bool same_layers(const Plan& before, const Plan& after) {
  return std::equal(before.layers.begin(), before.layers.end(), after.layers.begin(),
                    after.layers.end(), [](const PlannedLayer& a, const PlannedLayer& b) {
                      return a.key.to_string() == b.key.to_string();
                    });
}

std::string to_string(const LockChange& change) {
  const std::string where =
      fmt::format(" ({}{})", change.layer, change.security ? ", security" : "");
  if (change.before.empty()) return fmt::format("+ {} {}{}", change.name, change.after, where);
  if (change.after.empty()) return fmt::format("- {} {}{}", change.name, change.before, where);
  return fmt::format("~ {} {} -> {}{}", change.name, change.before, change.after, where);
}

}  // namespace imgforge::build
