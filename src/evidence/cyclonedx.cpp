// The codec of CycloneDX documents (ECMA-424 as of specification 1.5; field names of its JSON
// schema). The image is metadata.component, base images are its ancestors, packages and project
// files are components, layers are properties of what lies in them.
#include "evidence/cyclonedx.h"

#include <fmt/format.h>

#include "base/json.h"
#include "evidence/document.h"

namespace imgforge::evidence {
namespace {

using base::Json;
using Kind = Package::Kind;

constexpr const char* kImageRef = "image";

Json hashes(const std::string& sha256) {
  return Json::array({Json{{"alg", "SHA-256"}, {"content", sha256}}});
}

Json property(const char* name, const std::string& value) {
  return {{"name", name}, {"value", value}};
}

const char* type_of(Kind kind) {
  switch (kind) {
    case Kind::deb:
    case Kind::python:
    case Kind::redist:
      return "library";
    case Kind::archive:
      return "file";
    case Kind::interpreter:
      return "platform";
    case Kind::probe:
      return "application";
    case Kind::base_image:
      return "container";
  }
  return "library";
}

/// One licence by its identifier or name, anything else as an expression: the schema wants either
/// licences or one expression.
Json licenses(const License& license) {
  const std::string& expression = license.expression;
  if (expression.find(' ') != std::string::npos)
    return Json::array({Json{{"expression", expression}}});
  const auto reference = license.references.find(expression);
  if (reference == license.references.end())
    return Json::array({Json{{"license", {{"id", expression}}}}});
  Json json = {{"name", reference->second.name}};
  if (reference->second.text != reference->second.name) {
    json["text"] = {{"contentType", "text/plain"}, {"content", reference->second.text}};
  }
  return Json::array({Json{{"license", std::move(json)}}});
}

Json supplier(const Party& party) {
  Json json = {{"name", plain_name(party.name)}};
  if (const std::string mail = mail_address(party.email); !mail.empty()) {
    json["contact"] = Json::array({Json{{"email", mail}}});
  }
  return json;
}

void add_layer(Json& properties, const ImageLayer& layer) {
  properties.push_back(property("imgforge:layer:digest", layer.blob.digest.to_string()));
  if (!layer.id.empty()) properties.push_back(property("imgforge:layer:id", layer.id));
}

Json component(const Package& package, const Image& image) {
  Json json = {{"type", type_of(package.kind)},
               {"bom-ref", package.id},
               {"name", package.name},
               {"purl", package.purl}};
  if (!package.version.empty()) json["version"] = package.version;
  if (!package.summary.empty()) json["description"] = package.summary;
  if (!package.sha256.empty()) json["hashes"] = hashes(package.sha256);
  if (!package.license.empty()) json["licenses"] = licenses(package.license);
  if (!plain_name(package.supplier.name).empty()) json["supplier"] = supplier(package.supplier);
  Json references = Json::array();
  if (const std::string page = web_address(package.homepage); !page.empty()) {
    references.push_back({{"type", "website"}, {"url", page}});
  }
  if (const std::string from = web_address(package.download); !from.empty()) {
    references.push_back({{"type", "distribution"}, {"url", from}});
  }
  if (!references.empty()) json["externalReferences"] = std::move(references);
  if (!package.place.empty()) {
    json["evidence"] = {{"occurrences", Json::array({Json{{"location", "/" + package.place}}})}};
  }
  Json properties = Json::array();
  for (const std::size_t layer : package.layers) add_layer(properties, image.layers[layer]);
  properties.push_back(property("imgforge:locked", package.locked ? "true" : "false"));
  if (!package.source.empty()) {
    properties.push_back(property("imgforge:deb:source", package.source));
  }
  json["properties"] = std::move(properties);
  return json;
}

std::string file_layer_ref(const FileLayer& layer) {
  return fmt::format("files-{}", layer.layer + 1);
}

Json component(const FileLayer& layer, const Image& image) {
  const ImageLayer& where = image.layers[layer.layer];
  Json json = {{"type", "application"},
               {"bom-ref", file_layer_ref(layer)},
               {"name", where.title.empty() ? layer_name(where) : where.title}};
  if (!layer.commit.empty()) json["version"] = layer.commit;
  Json properties = Json::array();
  add_layer(properties, where);
  json["properties"] = std::move(properties);
  Json files = Json::array();
  for (std::size_t i = 0; i < layer.files.size(); ++i) {
    const ProjectFile& file = layer.files[i];
    files.push_back({{"type", "file"},
                     {"bom-ref", fmt::format("{}-{}", file_layer_ref(layer), i + 1)},
                     {"name", "/" + file.path},
                     {"hashes", hashes(file.sha256)}});
  }
  if (!files.empty()) json["components"] = std::move(files);
  return json;
}

Json image_component(const Inventory& inventory, const Image& image) {
  Json json = {{"type", "container"},
               {"bom-ref", kImageRef},
               {"name", image.name},
               {"version", image.tag.empty() ? image.manifest.digest.to_string() : image.tag},
               {"purl", purl_of(image)},
               {"hashes", hashes(image.manifest.digest.hex())}};
  Json ancestors = Json::array();
  for (const Package& package : inventory.packages) {
    if (package.kind == Kind::base_image) ancestors.push_back(component(package, image));
  }
  if (!ancestors.empty()) json["pedigree"] = {{"ancestors", std::move(ancestors)}};
  Json properties = Json::array();
  for (const ImageLayer& layer : image.layers) add_layer(properties, layer);
  json["properties"] = std::move(properties);
  return json;
}

Json os_component(const layer::OsIdentity& os) {
  return {{"type", "operating-system"},
          {"bom-ref", "operating-system"},
          {"name", os.id},
          {"version", os.version}};
}

Json dependencies(const Inventory& inventory) {
  Json direct = Json::array(), json = Json::array();
  if (inventory.os) direct.push_back("operating-system");
  for (const FileLayer& layer : inventory.files) direct.push_back(file_layer_ref(layer));
  for (const Package& package : inventory.packages) {
    if (package.kind == Kind::base_image) continue;
    direct.push_back(package.id);
    if (!package.depends.empty()) {
      json.push_back({{"ref", package.id}, {"dependsOn", package.depends}});
    }
  }
  json.push_back({{"ref", kImageRef}, {"dependsOn", std::move(direct)}});
  return json;
}

}  // namespace

std::string to_cyclonedx(const Inventory& inventory, const Image& image, const Tool& tool) {
  Json components = Json::array();
  if (inventory.os) components.push_back(os_component(*inventory.os));
  for (const Package& package : inventory.packages) {
    if (package.kind != Kind::base_image) components.push_back(component(package, image));
  }
  for (const FileLayer& layer : inventory.files) components.push_back(component(layer, image));
  const Json writer = {{"type", "application"}, {"name", tool.name}, {"version", tool.version}};
  return base::pretty_json(
      {{"$schema", "http://cyclonedx.org/schema/bom-1.5.schema.json"},
       {"bomFormat", "CycloneDX"},
       {"specVersion", "1.5"},
       {"serialNumber", "urn:uuid:" + uuid_of(image, "cyclonedx 1.5 " + tool.version)},
       {"version", 1},
       {"metadata",
        {{"timestamp", base::format_time(image.created)},
         {"tools", {{"components", Json::array({writer})}}},
         {"component", image_component(inventory, image)}}},
       {"components", std::move(components)},
       {"dependencies", dependencies(inventory)},
       {"compositions",
        Json::array({Json{{"aggregate", inventory.unlisted.empty() ? "complete" : "incomplete"},
                          {"assemblies", Json::array({kImageRef})}}})}});
}

}  // namespace imgforge::evidence
