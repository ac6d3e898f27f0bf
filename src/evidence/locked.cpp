#include "evidence/locked.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "evidence/purl.h"
#include "layer/deb_lock.h"
#include "layer/python_part.h"
#include "layer/wheels_part.h"
#include "oci/reference.h"

namespace imgforge::evidence {
namespace {

using sources::Input;

std::string generic_purl(const Package& package) {
  return to_string({.type = "generic",
                    .name = package.name,
                    .version = package.version,
                    .qualifiers = {{"checksum", "sha256:" + package.sha256},
                                   {"download_url", package.download}}});
}

Candidate from_input(Package::Kind kind, const Input& input, const std::string& layer_id) {
  Candidate candidate{.input = input, .layer_id = layer_id};
  candidate.package.kind = kind;
  candidate.package.locked = true;
  candidate.package.file_name = input.name;
  candidate.package.sha256 = input.digest.hex();
  if (input.origin.kind == sources::Origin::Kind::url) {
    candidate.package.download = input.origin.path;
  }
  return candidate;
}

Result<> read_debs(const spec::LockedLayer& layer, LockedContents& contents) {
  const auto part = TRY(layer::parse_deb_part(layer.part));
  if (part.os) contents.os = part.os;
  for (const auto& deb : part.debs) {
    Candidate candidate = from_input(Package::Kind::deb, deb.input, layer.id);
    candidate.deb = parse_deb_stanza(deb.stanza, contents.os);
    Package described = candidate.deb.package;
    described.locked = true;
    described.file_name = candidate.package.file_name;
    described.sha256 = candidate.package.sha256;
    candidate.package = std::move(described);
    contents.candidates.push_back(std::move(candidate));
  }
  return {};
}

Result<> read_wheels(const spec::LockedLayer& layer, const std::string& architecture,
                     LockedContents& contents) {
  const auto part = TRY(layer::parse_wheels_part(layer.part));
  contents.python = sources::PythonTarget{part.python, part.glibc, architecture};
  const std::string site =
      fmt::format("{}/lib/python{}/site-packages", part.prefix, part.python).substr(1);
  contents.sites[layer.id] = site;
  for (const auto& wheel : part.wheels) {
    Candidate candidate = from_input(Package::Kind::python, wheel.input, layer.id);
    Package& package = candidate.package;
    candidate.site = site;
    package.name = wheel.project;
    package.version = wheel.version;
    package.purl = to_string({.type = "pypi", .name = wheel.project, .version = wheel.version});
    contents.candidates.push_back(std::move(candidate));
  }
  return {};
}

Result<> read_interpreter(const spec::LockedLayer& layer, LockedContents& contents) {
  const auto part = TRY(layer::parse_python_part(layer.part));
  if (!part.input) return {};  // the distribution's own
  Candidate candidate = from_input(Package::Kind::interpreter, *part.input, layer.id);
  candidate.package.name = "python";
  candidate.package.version = part.version;
  candidate.package.purl = generic_purl(candidate.package);
  contents.candidates.push_back(std::move(candidate));
  return {};
}

Result<> read_redist(const spec::LockedLayer& layer, LockedContents& contents) {
  const auto json = TRY(base::parse_json(layer.part, "the lock's part of a redist layer"));
  base::JsonReader reader(json, "redist");
  auto rows = reader.objects("components");
  TRY(reader.finish_tolerant());
  for (base::JsonReader& row : rows) {
    const std::string name = row.text("name"), version = row.text("version");
    const std::string license = row.text_or("license", "");
    const auto input = row.object("input");
    TRY(row.finish_tolerant());
    Candidate candidate =
        from_input(Package::Kind::redist, TRY(sources::input_from_json(*input)), layer.id);
    Package& package = candidate.package;
    package.name = name;
    package.version = version;
    package.supplier = {.name = "NVIDIA Corporation", .organization = true};
    package.license = named_license(license);
    package.purl = generic_purl(package);
    contents.candidates.push_back(std::move(candidate));
  }
  return {};
}

/// Kinds archive and probe: one input.
Result<> read_single(const spec::LockedLayer& layer, Package::Kind kind, LockedContents& contents) {
  const auto json = TRY(base::parse_json(layer.part, "the lock's part of layer " + layer.id));
  base::JsonReader reader(json, layer.kind);
  const auto input = reader.object("input");
  TRY(reader.finish_tolerant());
  Candidate candidate = from_input(kind, TRY(sources::input_from_json(*input)), layer.id);
  candidate.package.name = candidate.package.file_name;
  candidate.package.purl = generic_purl(candidate.package);
  contents.candidates.push_back(std::move(candidate));
  return {};
}

/// "docker.io/library/debian:12" -> "docker.io/library/debian", and the last part as name.
Result<> read_base_image(const spec::LockedLayer& layer, LockedContents& contents) {
  const auto json = TRY(base::parse_json(layer.part, "the lock's part of an image layer"));
  base::JsonReader reader(json, "image");
  const std::string ref = reader.text("ref");
  auto manifest = reader.object("manifest");
  auto os = reader.object("os", /*required=*/false);
  TRY(reader.finish_tolerant());
  const std::string digest = manifest->text("digest");
  TRY(manifest->finish_tolerant());
  const auto parsed = oci::Digest::parse(digest);
  if (!parsed) return fail(parsed.error());
  if (os && !contents.os) {
    contents.os = layer::OsIdentity{os->text_or("id", ""), os->text_or("version", ""),
                                    os->text_or("version", "")};
    if (contents.os->id.empty()) contents.os.reset();
  }
  Candidate candidate{.layer_id = layer.id};
  Package& package = candidate.package;
  package.kind = Package::Kind::base_image;
  package.locked = true;
  package.sha256 = parsed->hex();
  package.version = digest;
  const auto reference = oci::Reference::parse(ref);
  const auto* registry = reference ? reference->registry() : nullptr;
  package.name = registry != nullptr ? registry->repository : ref;
  PackageUrl url{
      .type = "oci", .name = base::to_lower(base::base_name(package.name)), .version = digest};
  if (registry != nullptr) {
    url.qualifiers["repository_url"] = registry->host + "/" + registry->repository;
    if (registry->tag) url.qualifiers["tag"] = registry->tag->to_string();
  }
  package.purl = to_string(url);
  contents.candidates.push_back(std::move(candidate));
  return {};
}

Result<> read_files(const spec::LockedLayer& layer, LockedContents& contents) {
  const auto json = TRY(base::parse_json(layer.part, "the lock's part of a files layer"));
  base::JsonReader reader(json, "files");
  const std::string commit = reader.text_or("commit", "");
  TRY(reader.finish_tolerant());
  if (!commit.empty()) contents.commits[layer.id] = commit;
  return {};
}

Result<> read_layer(const spec::LockedLayer& layer, const std::string& architecture,
                    LockedContents& contents) {
  const std::string& kind = layer.kind;
  if (kind == "bootstrap" || kind == "apt" || kind == "deb") return read_debs(layer, contents);
  if (kind == "wheels") return read_wheels(layer, architecture, contents);
  if (kind == "python") return read_interpreter(layer, contents);
  if (kind == "redist") return read_redist(layer, contents);
  if (kind == "archive") return read_single(layer, Package::Kind::archive, contents);
  if (kind == "probe") return read_single(layer, Package::Kind::probe, contents);
  if (kind == "files") return read_files(layer, contents);
  if (kind == "image") return read_base_image(layer, contents);
  return {};
}

}  // namespace

Result<LockedContents> read_locked(const spec::Lock& lock, const std::string& architecture) {
  LockedContents contents;
  for (const spec::LockedLayer& layer : lock.layers) {
    TRY(base::with_context(read_layer(layer, architecture, contents), "layer " + layer.id));
  }
  return contents;
}

namespace {

/// "wheels.2" is a part of "wheels".
bool is_part_of(std::string_view name, std::string_view id) {
  return name.size() > id.size() + 1 && name.starts_with(id) && name[id.size()] == '.' &&
         base::parse_uint(name.substr(id.size() + 1));
}

}  // namespace

std::vector<std::size_t> layers_of(const Image& image, const std::string& id) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < image.layers.size(); ++i) {
    const std::string& name = image.layers[i].id;
    if (name == id || is_part_of(name, id)) out.push_back(i);
  }
  return out;
}

std::string site_of(const LockedContents& contents, const std::string& layer_id) {
  for (const auto& [id, site] : contents.sites) {
    if (layer_id == id || is_part_of(layer_id, id)) return site;
  }
  return {};
}

}  // namespace imgforge::evidence
