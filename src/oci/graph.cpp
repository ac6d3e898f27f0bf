#include "oci/graph.h"

#include "oci/image.h"

namespace imgforge::oci {

bool is_manifest(std::string_view media_type) {
  return media_type == media_type::kManifest || media_type == media_type::kDockerManifest;
}

bool is_index(std::string_view media_type) {
  return media_type == media_type::kIndex || media_type == media_type::kDockerManifestList;
}

Result<std::vector<Descriptor>> successors(std::string_view media_type, std::string_view json) {
  if (is_index(media_type)) return TRY(parse_index(json)).manifests;
  std::vector<Descriptor> children;
  if (!is_manifest(media_type)) return children;
  Manifest manifest = TRY(parse_manifest(json));
  if (manifest.config) children.push_back(*std::move(manifest.config));
  for (Descriptor& layer : manifest.layers) children.push_back(std::move(layer));
  return children;
}

}  // namespace imgforge::oci
