#include "registry/referrers_index.h"

#include "base/json.h"
#include "oci/image.h"

namespace imgforge::registry {

using base::Json;

std::string referrers_tag(const oci::Digest& subject) { return "sha256-" + subject.hex(); }

Result<oci::Descriptor> describe_referrer(const content::Document& manifest) {
  const oci::Manifest parsed = TRY(oci::parse_manifest(manifest.bytes));
  oci::Descriptor entry = manifest.descriptor;
  entry.platform.reset();
  entry.artifact_type = !parsed.artifact_type.empty() ? parsed.artifact_type
                        : parsed.config               ? parsed.config->media_type
                                                      : "";
  entry.annotations = parsed.annotations;
  return entry;
}

Result<std::optional<std::string>> index_with_referrer(const std::optional<std::string>& index,
                                                       const oci::Descriptor& referrer) {
  const std::string text = index.value_or(oci::to_json(oci::Index{}));
  TRY(oci::parse_index(text));
  Json json = TRY(base::parse_json(text, "the list of referrers"));
  Json& entries = json["manifests"];
  if (entries.is_null()) entries = Json::array();
  for (const Json& entry : entries) {
    if (entry.value("digest", "") == referrer.digest.to_string()) return std::nullopt;
  }
  entries.push_back(TRY(base::parse_json(oci::to_json(referrer), "the descriptor")));
  return base::canonical_json(json);
}

}  // namespace imgforge::registry
