// Manifest (manifest.md) and index (image-index.md):
//   manifest = {schemaVersion: 2, mediaType?, artifactType?, config, layers: [descriptor...],
//               subject?, annotations?}
//   index    = {schemaVersion: 2, mediaType?, manifests: [descriptor...], annotations?}
// A document that is both at once is refused: two readers could take it for different images
// (image-spec advisory GHSA-77vh-xpmg-72qh).
#include "oci/descriptor_json.h"
#include "oci/graph.h"
#include "oci/image.h"

namespace imgforge::oci {
namespace {

using base::Json;
using base::JsonReader;

Json to_array(const std::vector<Descriptor>& descriptors) {
  Json array = Json::array();
  for (const Descriptor& descriptor : descriptors) array.push_back(descriptor_to_json(descriptor));
  return array;
}

Result<std::vector<Descriptor>> read_array(JsonReader& reader, const char* key) {
  std::vector<Descriptor> descriptors;
  for (JsonReader& item : reader.objects_or_empty(key)) {
    descriptors.push_back(TRY(read_descriptor(item)));
  }
  return descriptors;
}

void check_version(JsonReader& reader) {
  if (reader.number("schemaVersion") != 2) reader.reject("schemaVersion", "must be 2");
}

}  // namespace

std::string to_json(const Manifest& manifest) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", manifest.media_type},
               {"layers", to_array(manifest.layers)}};
  if (!manifest.artifact_type.empty()) json["artifactType"] = manifest.artifact_type;
  if (manifest.config) json["config"] = descriptor_to_json(*manifest.config);
  if (manifest.subject) json["subject"] = descriptor_to_json(*manifest.subject);
  if (!manifest.annotations.empty()) json["annotations"] = manifest.annotations;
  return base::canonical_json(json);
}

std::string to_json(const Index& index) {
  Json json = {{"schemaVersion", 2},
               {"mediaType", index.media_type},
               {"manifests", to_array(index.manifests)}};
  if (!index.annotations.empty()) json["annotations"] = index.annotations;
  return base::canonical_json(json);
}

Result<Manifest> parse_manifest(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the image manifest"));
  JsonReader reader(json, "manifest");
  check_version(reader);
  Manifest manifest;
  manifest.media_type = reader.text_or("mediaType", media_type::kManifest);
  if (!is_manifest(manifest.media_type)) {
    reader.reject("mediaType", "is not that of an image manifest: " + manifest.media_type);
  }
  if (json.is_object() && json.contains("manifests")) {
    reader.reject("manifests", "must not stand in a manifest");
  }
  manifest.artifact_type = reader.text_or("artifactType", "");
  if (auto config = reader.object("config", false)) {
    manifest.config = TRY(read_descriptor(*config));
  }
  manifest.layers = TRY(read_array(reader, "layers"));
  if (auto subject = reader.object("subject", false)) {
    manifest.subject = TRY(read_descriptor(*subject));
  }
  manifest.annotations = reader.text_map_or_empty("annotations");
  TRY(reader.finish_tolerant());
  return manifest;
}

Result<Index> parse_index(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the image index"));
  JsonReader reader(json, "index");
  check_version(reader);
  Index index;
  index.media_type = reader.text_or("mediaType", media_type::kIndex);
  if (!is_index(index.media_type)) {
    reader.reject("mediaType", "is not that of an image index: " + index.media_type);
  }
  for (const char* key : {"layers", "config"}) {
    if (json.is_object() && json.contains(key)) reader.reject(key, "must not stand in an index");
  }
  index.manifests = TRY(read_array(reader, "manifests"));
  index.annotations = reader.text_map_or_empty("annotations");
  TRY(reader.finish_tolerant());
  return index;
}

}  // namespace imgforge::oci
