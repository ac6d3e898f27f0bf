#include "registry/manifest_type.h"

#include <fmt/format.h>

#include "base/json.h"
#include "base/text.h"
#include "oci/descriptor.h"
#include "oci/graph.h"

namespace imgforge::registry {
namespace {

bool is_known(std::string_view type) { return oci::is_manifest(type) || oci::is_index(type); }

}  // namespace

Result<std::string> manifest_type(std::string_view document, std::string_view content_type,
                                  const std::string& name) {
  const std::string said =
      base::to_lower(base::trim(content_type.substr(0, content_type.find(';'))));
  const auto json = base::parse_json(document, name);
  if (!json || !json->is_object()) {
    return fail(Errc::protocol, fmt::format("{} is no manifest: it is no valid JSON object", name));
  }
  std::string inside;
  if (const auto field = json->find("mediaType"); field != json->end() && field->is_string()) {
    inside = field->get<std::string>();
  }
  if (said.starts_with("application/vnd.docker.distribution.manifest.v1") ||
      json->value("schemaVersion", base::Json()) == base::Json(1)) {
    return fail(Error(Errc::unsupported,
                      fmt::format("{} is of Docker's schema 1, which has no digests of layers to "
                                  "rely on",
                                  name))
                    .hint("push the image again with a current tool, or take a newer tag"));
  }
  if (is_known(said) && !inside.empty() && inside != said) {
    return fail(Errc::protocol, fmt::format("{} is served as {}, and says itself that it is {}",
                                            name, said, inside));
  }
  if (is_known(said)) return said;
  if (is_known(inside)) return inside;
  // OCI documents may leave their own type out.
  const bool index = json->contains("manifests"), manifest = json->contains("layers");
  if (inside.empty() && index != manifest) {
    return std::string(index ? oci::media_type::kIndex : oci::media_type::kManifest);
  }
  return fail(Errc::protocol, fmt::format("{} is no manifest of an image: it is {}", name,
                                          !inside.empty() ? inside
                                          : said.empty()  ? "of an unknown form"
                                                          : said));
}

}  // namespace imgforge::registry
