#include "build/assemble.h"

#include <algorithm>

#include "base/json.h"
#include "base/sha256.h"
#include "base/text.h"
#include "build/environment.h"
#include "layer/facts.h"

namespace imgforge::build {
namespace {

std::map<std::string, std::string> component_entries(const layer::Facts& facts) {
  std::map<std::string, std::string> entries;
  for (const layer::Component& component : facts.components) {
    entries[kComponentPrefix + component.name] = component.version;
  }
  return entries;
}

std::map<std::string, std::string> common_annotations(const spec::ImageSpec& spec,
                                                      const spec::Lock& lock, const Plan& plan) {
  std::map<std::string, std::string> entries = component_entries(plan.facts);
  entries["org.opencontainers.image.created"] = base::format_time(spec.epoch);
  entries["org.opencontainers.image.title"] = spec.image;
  entries["org.opencontainers.image.version"] = plan.tag.to_string();
  entries[kTagAnnotation] = plan.tag.to_string();
  entries[kLockAnnotation] = "sha256:" + lock_identity(lock);
  entries[kSpecAnnotation] = "sha256:" + spec.digest;
  return entries;
}

oci::ImageConfig config_of(const spec::ImageSpec& spec, const spec::Lock& lock, const Plan& plan) {
  oci::ImageConfig config;
  config.created = spec.epoch;
  config.platform = spec.platform;
  oci::RuntimeConfig& runtime = config.config;
  runtime.user = spec.config.user;
  runtime.env = environment_of(spec, plan.facts);
  runtime.entrypoint = spec.config.entrypoint;
  runtime.cmd = spec.config.cmd;
  runtime.working_dir = spec.config.workdir;
  runtime.stop_signal = spec.config.stop_signal;
  runtime.exposed_ports = spec.config.ports;
  std::sort(runtime.exposed_ports.begin(), runtime.exposed_ports.end());
  runtime.volumes = spec.config.volumes;
  runtime.labels = common_annotations(spec, lock, plan);
  for (const auto& [name, value] : spec.config.labels) runtime.labels[name] = value;
  return config;
}

}  // namespace

std::string lock_identity(const spec::Lock& lock) {
  base::Json layers = base::Json::array();
  for (const spec::LockedLayer& layer : lock.layers) {
    layers.push_back(
        {{"id", layer.id}, {"kind", layer.kind}, {"part", base::sha256_hex(layer.part)}});
  }
  return base::sha256_hex(base::canonical_json({{"epoch", lock.epoch.value}, {"layers", layers}}));
}

Result<AssembledImage> assemble(const spec::ImageSpec& spec, const spec::Lock& lock,
                                const Plan& plan, const std::vector<store::BuiltLayer>& built) {
  AssembledImage image;
  oci::ImageConfig config = config_of(spec, lock, plan);
  oci::Manifest manifest;
  for (std::size_t i = 0; i < plan.layers.size(); ++i) {
    const PlannedLayer& layer = plan.layers[i];
    if (!layer.recipe->emits()) continue;
    config.diff_ids.push_back(built[i].diff_id);
    config.history.push_back({.created = spec.epoch,
                              .created_by = "imgforge " + layer.kind + ": " + layer.title,
                              .comment = layer.id});
    oci::Descriptor descriptor = built[i].blob;
    descriptor.annotations[kLayerId] = layer.id;
    descriptor.annotations[kLayerKind] = layer.kind;
    descriptor.annotations[kLayerTitle] = layer.title;
    manifest.layers.push_back(std::move(descriptor));
    image.layers.push_back(built[i]);
  }
  constexpr std::size_t kMaximumLayers = 120;  // overlay mounts allow about 127 lower folders
  if (manifest.layers.size() > kMaximumLayers) {
    return fail(Error(Errc::invalid, "the image has " + std::to_string(manifest.layers.size()) +
                                         " layers; container engines mount at most about 127")
                    .hint("give the wheels layer fewer groups in `split`"));
  }
  image.config_json = oci::to_json(config);
  manifest.config = oci::Descriptor{.media_type = oci::media_type::kConfig,
                                    .digest = oci::Digest::of(image.config_json),
                                    .size = image.config_json.size()};
  manifest.annotations = common_annotations(spec, lock, plan);
  image.manifest_json = oci::to_json(manifest);
  return image;
}

}  // namespace imgforge::build
