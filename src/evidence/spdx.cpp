// The codec of SPDX documents (ISO/IEC 5962, SPDX 2.3; field names of its JSON schema):
//
//   DOCUMENT -DESCRIBES-> image -CONTAINS-> layer -CONTAINS-> package, file
//   image -DESCENDANT_OF-> base image    package -DEPENDS_ON-> package
#include "evidence/spdx.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/json.h"
#include "base/sha1.h"
#include "base/text.h"
#include "evidence/document.h"

namespace imgforge::evidence {
namespace {

using base::Json;
using Kind = Package::Kind;

constexpr const char* kNoAssertion = "NOASSERTION";
constexpr const char* kImageId = "SPDXRef-image";

std::string layer_id(std::size_t index) { return fmt::format("SPDXRef-layer-{}", index + 1); }
std::string package_id(const std::string& id) { return "SPDXRef-" + id; }
std::string file_id(std::size_t layer, std::size_t index) {
  return fmt::format("SPDXRef-file-{}-{}", layer + 1, index + 1);
}

Json checksum(const char* algorithm, const std::string& hex) {
  return {{"algorithm", algorithm}, {"checksumValue", hex}};
}

Json purl_reference(const std::string& purl) {
  return {{"referenceCategory", "PACKAGE-MANAGER"},
          {"referenceType", "purl"},
          {"referenceLocator", purl}};
}

std::string actor(const Party& party) {
  const std::string name = plain_name(party.name);
  if (name.empty()) return kNoAssertion;
  const std::string mail = mail_address(party.email);
  return fmt::format("{}: {}{}", party.organization ? "Organization" : "Person", name,
                     mail.empty() || mail == name ? "" : " (" + mail + ")");
}

std::string known(const std::string& text) { return text.empty() ? kNoAssertion : text; }

/// What every package has to have, nothing being analysed or concluded.
Json bare_package(const std::string& id, const std::string& name) {
  return {{"SPDXID", id},
          {"name", name},
          {"downloadLocation", kNoAssertion},
          {"filesAnalyzed", false},
          {"licenseConcluded", kNoAssertion},
          {"licenseDeclared", kNoAssertion},
          {"copyrightText", kNoAssertion}};
}

Json image_package(const Image& image) {
  Json json = bare_package(kImageId, image.name);
  json["versionInfo"] = image.tag.empty() ? image.manifest.digest.to_string() : image.tag;
  json["checksums"] = Json::array({checksum("SHA256", image.manifest.digest.hex())});
  json["externalRefs"] = Json::array({purl_reference(purl_of(image))});
  json["primaryPackagePurpose"] = "CONTAINER";
  return json;
}

/// SPDX 2.3, 7.9: sha1 of the files' sha1 values, sorted, without anything between.
std::string verification_code(const std::vector<ProjectFile>& files) {
  std::vector<std::string> hashes;
  for (const ProjectFile& file : files) hashes.push_back(file.sha1);
  std::sort(hashes.begin(), hashes.end());
  return base::sha1_hex(base::join(hashes, ""));
}

Json layer_package(const ImageLayer& layer, std::size_t index, const FileLayer* files) {
  Json json = bare_package(layer_id(index), layer_name(layer));
  json["versionInfo"] = layer.blob.digest.to_string();
  json["checksums"] = Json::array({checksum("SHA256", layer.blob.digest.hex())});
  json["primaryPackagePurpose"] = "ARCHIVE";
  if (!layer.title.empty()) json["summary"] = layer.title;
  std::string comment = layer.kind.empty() ? "" : "kind " + layer.kind;
  if (layer.executed) comment += ", made by running programs";
  if (!comment.empty()) json["comment"] = comment;
  if (files == nullptr) return json;
  if (!files->commit.empty()) json["sourceInfo"] = "git commit " + files->commit;
  if (files->files.empty()) return json;
  json["filesAnalyzed"] = true;
  json["packageVerificationCode"] = {
      {"packageVerificationCodeValue", verification_code(files->files)}};
  json["licenseInfoFromFiles"] = Json::array({kNoAssertion});
  return json;
}

Json os_package(const layer::OsIdentity& os) {
  Json json = bare_package("SPDXRef-operating-system", os.id);
  json["versionInfo"] = os.version;
  json["primaryPackagePurpose"] = "OPERATING-SYSTEM";
  return json;
}

Json to_json(const Package& package) {
  Json json = bare_package(package_id(package.id), package.name);
  if (!package.version.empty()) json["versionInfo"] = package.version;
  json["supplier"] = actor(package.supplier);
  if (const std::string page = web_address(package.homepage); !page.empty()) {
    json["homepage"] = page;
  }
  if (const std::string from = web_address(package.download); !from.empty()) {
    json["downloadLocation"] = from;
  }
  if (!package.sha256.empty()) {
    json["checksums"] = Json::array({checksum("SHA256", package.sha256)});
  }
  if (!package.file_name.empty()) json["packageFileName"] = package.file_name;
  if (!package.summary.empty()) json["summary"] = package.summary;
  if (!package.source.empty()) json["sourceInfo"] = "built from source package " + package.source;
  json["licenseDeclared"] = known(package.license.expression);
  json["externalRefs"] = Json::array({purl_reference(package.purl)});
  if (package.kind == Kind::base_image) json["primaryPackagePurpose"] = "CONTAINER";
  if (package.kind == Kind::python) json["primaryPackagePurpose"] = "LIBRARY";
  std::string comment = package.locked ? "" : "found in a layer, not in the lock";
  if (!package.place.empty()) {
    comment += (comment.empty() ? "metadata at /" : "; metadata at /") + package.place;
  }
  if (!comment.empty()) json["comment"] = comment;
  return json;
}

Json to_json(const ProjectFile& file, const std::string& id) {
  return {
      {"SPDXID", id},
      {"fileName", "./" + file.path},
      {"checksums", Json::array({checksum("SHA1", file.sha1), checksum("SHA256", file.sha256)})},
      {"licenseConcluded", kNoAssertion},
      {"licenseInfoInFiles", Json::array({kNoAssertion})},
      {"copyrightText", kNoAssertion}};
}

class Relations {
 public:
  void add(const std::string& from, const char* type, const std::string& to) {
    json_.push_back(
        {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}});
  }
  Json take() { return std::move(json_); }

 private:
  Json json_ = Json::array();
};

Json relations(const Inventory& inventory, const Image& image) {
  Relations out;
  out.add("SPDXRef-DOCUMENT", "DESCRIBES", kImageId);
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    out.add(kImageId, "CONTAINS", layer_id(i));
  }
  if (inventory.os) out.add(kImageId, "CONTAINS", "SPDXRef-operating-system");
  for (const Package& package : inventory.packages) {
    const std::string id = package_id(package.id);
    if (package.kind == Kind::base_image) {
      out.add(kImageId, "DESCENDANT_OF", id);
      for (const std::size_t layer : package.layers) out.add(id, "CONTAINS", layer_id(layer));
      continue;
    }
    for (const std::size_t layer : package.layers) out.add(layer_id(layer), "CONTAINS", id);
    for (const std::string& other : package.depends) out.add(id, "DEPENDS_ON", package_id(other));
  }
  for (const FileLayer& layer : inventory.files) {
    for (std::size_t i = 0; i < layer.files.size(); ++i) {
      out.add(layer_id(layer.layer), "CONTAINS", file_id(layer.layer, i));
    }
  }
  return out.take();
}

Json extracted_licenses(const Inventory& inventory) {
  std::map<std::string, License::Reference> all;
  for (const Package& package : inventory.packages) {
    all.insert(package.license.references.begin(), package.license.references.end());
  }
  Json json = Json::array();
  for (const auto& [id, reference] : all) {
    json.push_back(
        {{"licenseId", id}, {"name", reference.name}, {"extractedText", reference.text}});
  }
  return json;
}

}  // namespace

std::string to_spdx(const Inventory& inventory, const Image& image, const Tool& tool) {
  Json packages = Json::array(), files = Json::array();
  packages.push_back(image_package(image));
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const auto listed = std::find_if(inventory.files.begin(), inventory.files.end(),
                                     [&](const FileLayer& layer) { return layer.layer == i; });
    packages.push_back(
        layer_package(image.layers[i], i, listed == inventory.files.end() ? nullptr : &*listed));
  }
  if (inventory.os) packages.push_back(os_package(*inventory.os));
  for (const Package& package : inventory.packages) packages.push_back(to_json(package));
  for (const FileLayer& layer : inventory.files) {
    for (std::size_t i = 0; i < layer.files.size(); ++i) {
      files.push_back(to_json(layer.files[i], file_id(layer.layer, i)));
    }
  }
  Json json = {{"spdxVersion", "SPDX-2.3"},
               {"dataLicense", "CC0-1.0"},
               {"SPDXID", "SPDXRef-DOCUMENT"},
               {"name", image.tag.empty() ? image.name : image.name + ":" + image.tag},
               {"documentNamespace",
                fmt::format("https://imgforge.io/spdx/sha256-{}/{}", image.manifest.digest.hex(),
                            uuid_of(image, "spdx 2.3 " + tool.version))},
               {"creationInfo",
                {{"created", base::format_time(image.created)},
                 {"creators", Json::array({fmt::format("Tool: {}-{}", tool.name, tool.version)})}}},
               {"packages", std::move(packages)},
               {"relationships", relations(inventory, image)}};
  if (!files.empty()) json["files"] = std::move(files);
  if (Json texts = extracted_licenses(inventory); !texts.empty()) {
    json["hasExtractedLicensingInfos"] = std::move(texts);
  }
  return base::pretty_json(json);
}

}  // namespace imgforge::evidence
