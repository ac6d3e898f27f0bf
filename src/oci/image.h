// Manifest, index and config of an image as values, with canonical JSON out and tolerant JSON in.
// A foreign document keeps its raw bytes: its digest belongs to them, so it is never written anew.
// Source: image-spec v1.1.1, manifest.md, image-index.md, config.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"

namespace imgforge::oci {

struct HistoryEntry {
  std::optional<base::Seconds> created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
};

/// The runtime part ("config") of an image config. Order of env is kept.
struct RuntimeConfig {
  std::string user;
  std::vector<std::string> env;  // NAME=value
  std::vector<std::string> entrypoint;
  std::vector<std::string> cmd;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::vector<std::string> exposed_ports;  // "8888/tcp", sorted
  std::vector<std::string> volumes;
  std::string stop_signal;
};

struct ImageConfig {
  base::Seconds created;
  std::string author;
  Platform platform;
  RuntimeConfig config;
  std::vector<Digest> diff_ids;  // lowest layer first
  std::vector<HistoryEntry> history;
};

struct Manifest {
  std::string media_type = media_type::kManifest;
  std::string artifact_type;
  std::optional<Descriptor> config;
  std::vector<Descriptor> layers;  // lowest first
  std::optional<Descriptor> subject;
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::string media_type = media_type::kIndex;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
};

/// Our own documents: sorted keys, no spaces, deterministic.
std::string to_json(const ImageConfig& config);
std::string to_json(const Manifest& manifest);
std::string to_json(const Index& index);

/// Foreign documents: OCI and Docker schema 2 are accepted, unknown keys are fine, wrong types are
/// Errc::invalid.
Result<ImageConfig> parse_image_config(std::string_view json);
Result<Manifest> parse_manifest(std::string_view json);
Result<Index> parse_index(std::string_view json);

}  // namespace imgforge::oci
