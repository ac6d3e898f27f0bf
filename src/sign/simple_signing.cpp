// payload = {"critical": {"identity": {"docker-reference": text},
//                         "image": {"docker-manifest-digest": digest},
//                         "type": "cosign container image signature"},
//            "optional": null | {name: value...}}
#include "sign/simple_signing.h"

#include "base/json.h"

namespace imgforge::sign {

using base::Json;
using base::JsonReader;

namespace {
constexpr const char* kType = "cosign container image signature";
}

std::string to_json(const SimpleSigning& payload) {
  Json json = {{"critical",
                {{"identity", {{"docker-reference", payload.docker_reference}}},
                 {"image", {{"docker-manifest-digest", payload.manifest.to_string()}}},
                 {"type", kType}}},
               {"optional", nullptr}};
  if (!payload.annotations.empty()) json["optional"] = payload.annotations;
  return base::canonical_json(json);
}

Result<SimpleSigning> parse_simple_signing(std::string_view text) {
  const Json json = TRY(base::parse_json(text, "the signed payload"));
  JsonReader reader(json, "payload");
  auto critical = reader.object("critical");
  const Json optional = reader.value("optional", false);
  TRY(reader.finish_tolerant());
  if (critical->text("type") != kType) critical->reject("type", std::string("is not ") + kType);
  auto identity = critical->object("identity");
  auto image = critical->object("image");
  TRY(critical->finish_tolerant());
  const std::string digest = image->text("docker-manifest-digest");
  std::string reference = identity->text_or("docker-reference", "");
  TRY(image->finish_tolerant());
  TRY(identity->finish_tolerant());
  oci::Digest manifest = TRY(oci::Digest::parse(digest));
  SimpleSigning payload{std::move(reference), std::move(manifest), {}};
  if (optional.is_object()) {
    for (const auto& [key, value] : optional.items()) {
      // Values that are no texts (a creation time as a number) cannot be asked for, and do no harm.
      if (value.is_string()) payload.annotations.emplace(key, value.get<std::string>());
    }
  }
  return payload;
}

}  // namespace imgforge::sign
