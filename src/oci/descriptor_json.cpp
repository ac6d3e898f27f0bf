#include "oci/descriptor_json.h"

namespace imgforge::oci {

using base::Json;
using base::JsonReader;

Json descriptor_to_json(const Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest.to_string()},
               {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (!descriptor.artifact_type.empty()) json["artifactType"] = descriptor.artifact_type;
  if (descriptor.platform) {
    Json& platform = json["platform"];
    platform["os"] = descriptor.platform->os;
    platform["architecture"] = descriptor.platform->architecture;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  return json;
}

Result<Digest> read_digest(JsonReader& reader, const char* key) {
  const std::string text = reader.text(key);
  TRY(reader.finish_tolerant());
  return base::with_context(Digest::parse(text), "reading " + reader.path() + "." + key);
}

Result<Descriptor> read_descriptor(JsonReader& reader) {
  std::string media_type = reader.text("mediaType");
  const std::uint64_t size = reader.number("size");
  // Named first: g++ 12 leaks what stands before a failing TRY in an initialiser.
  Digest digest = TRY(read_digest(reader, "digest"));
  Descriptor descriptor{std::move(media_type), std::move(digest), size, {}, {}, {}};
  descriptor.annotations = reader.text_map_or_empty("annotations");
  descriptor.artifact_type = reader.text_or("artifactType", "");
  if (auto platform = reader.object("platform", false)) {
    descriptor.platform =
        Platform{platform->text_or("os", ""), platform->text_or("architecture", ""),
                 platform->text_or("variant", "")};
    TRY(platform->finish_tolerant());
  }
  TRY(reader.finish_tolerant());
  return descriptor;
}

std::string to_json(const Descriptor& descriptor) {
  return base::canonical_json(descriptor_to_json(descriptor));
}

Result<Descriptor> parse_descriptor(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the descriptor"));
  JsonReader reader(json, "descriptor");
  return read_descriptor(reader);
}

}  // namespace imgforge::oci
