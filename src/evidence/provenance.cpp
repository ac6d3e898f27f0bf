#include "evidence/provenance.h"

#include "base/json.h"
#include "base/sha256.h"
#include "document/node.h"
#include "evidence/document.h"
#include "evidence/materials.h"

namespace imgforge::evidence {
namespace {

using base::Json;

/// scheme ":" something (RFC 3986, 3.1).
bool is_uri(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos || colon + 1 == text.size()) return false;
  const bool letter = (text[0] | 0x20) >= 'a' && (text[0] | 0x20) <= 'z';
  return letter && text.find_first_of(" \t\n<>\"") == std::string::npos;
}

/// "https://user:password@host/…"
bool has_password(std::string_view uri) {
  const std::size_t begin = uri.find("://");
  if (begin == std::string_view::npos) return false;
  const std::string_view rest = uri.substr(begin + 3);
  const std::string_view authority = rest.substr(0, rest.find('/'));
  const std::size_t at = authority.rfind('@');
  return at != std::string_view::npos &&
         authority.substr(0, at).find(':') != std::string_view::npos;
}

/// The entry as it was after composition, so that a verifier sees every word that was asked for.
Json layer_parameters(const spec::LayerUse& use) {
  Json json = {{"id", use.id},
               {"kind", use.kind},
               {"definition", Json::parse(document::canonical(use.entry), nullptr, false)}};
  if (is_executed(use.kind)) json["executed"] = true;
  return json;
}

Json external_parameters(const spec::ImageSpec& spec, const BuildFacts& facts) {
  Json layers = Json::array();
  for (const spec::LayerUse& use : spec.layers) layers.push_back(layer_parameters(use));
  Json document = {{"digest", {{"sha256", spec.digest}}}};
  if (!facts.spec_file.empty()) document["name"] = facts.spec_file;
  Json json = {{"spec", std::move(document)},
               {"image", spec.image},
               {"build", spec.build},
               {"platform", spec.platform.to_string()},
               {"epoch", base::format_time(spec.epoch)},
               {"layers", std::move(layers)}};
  if (facts.source) json["source"] = {{"uri", facts.source->uri}};
  return json;
}

Json to_json(const Material& material) {
  return {{"name", material.name},
          {"uri", material.uri},
          {"digest", {{material.algorithm, material.digest}}},
          {"annotations", {{"layer", material.layer}}}};
}

Result<Json> resolved_dependencies(const spec::Lock& lock, const BuildFacts& facts) {
  Json json = Json::array();
  if (facts.source) {
    json.push_back({{"name", "the spec's repository"},
                    {"uri", facts.source->uri},
                    {"digest", {{"gitCommit", facts.source->commit}}}});
  }
  for (const Material& material : TRY(materials_of(lock))) json.push_back(to_json(material));
  return json;
}

Json byproducts(const Image& image, const spec::Lock& lock) {
  Json json = Json::array();
  json.push_back({{"name", "lock"},
                  {"mediaType", "application/json"},
                  {"digest", {{"sha256", lock_digest(lock)}}}});
  for (const ImageLayer& layer : image.layers) {
    Json annotations = {{"kind", layer.kind}, {"executed", layer.executed}};
    if (!layer.title.empty()) annotations["title"] = layer.title;
    json.push_back({{"name", "layer " + layer_name(layer)},
                    {"mediaType", layer.blob.media_type},
                    {"digest", {{"sha256", layer.blob.digest.hex()}}},
                    {"annotations", std::move(annotations)}});
  }
  return json;
}

Json run_details(const Image& image, const spec::Lock& lock, const BuildFacts& facts) {
  Json builder = {{"id", facts.builder_id}};
  if (!facts.builder_version.empty()) builder["version"] = facts.builder_version;
  Json metadata = Json::object();
  if (!facts.invocation_id.empty()) metadata["invocationId"] = facts.invocation_id;
  if (facts.started) metadata["startedOn"] = base::format_time(*facts.started);
  if (facts.finished) metadata["finishedOn"] = base::format_time(*facts.finished);
  Json json = {{"builder", std::move(builder)}, {"byproducts", byproducts(image, lock)}};
  if (!metadata.empty()) json["metadata"] = std::move(metadata);
  return json;
}

}  // namespace

std::string lock_digest(const spec::Lock& lock) {
  spec::Lock bare = lock;
  bare.records.clear();
  bare.manifest.clear();
  return base::sha256_hex(spec::format_lock(bare));
}

Result<std::string> provenance(const Image& image, const spec::ImageSpec& spec,
                               const spec::Lock& lock, const BuildFacts& facts) {
  if (!is_uri(facts.builder_id)) {
    return fail(Error(Errc::invalid, "the builder's id \"" + facts.builder_id + "\" is no URI")
                    .hint("SLSA names a builder by a URI, as https://ci.example/builders/gpu"));
  }
  if (facts.source && has_password(facts.source->uri)) {
    return fail(Errc::invalid, "the address of the spec's repository has a password in it");
  }
  const auto dependencies = TRY(resolved_dependencies(lock, facts));
  return base::pretty_json({{"buildDefinition",
                             {{"buildType", kBuildType},
                              {"externalParameters", external_parameters(spec, facts)},
                              {"internalParameters", {{"tools", lock.tools}}},
                              {"resolvedDependencies", dependencies}}},
                            {"runDetails", run_details(image, lock, facts)}});
}

}  // namespace imgforge::evidence
