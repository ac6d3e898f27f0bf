#include "evidence/materials.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file.h"
#include "base/json.h"
#include "evidence/locked.h"
#include "layer/wheels_part.h"

namespace imgforge::evidence {
namespace {

/// RFC 3986 path characters stay, `/` only where it separates.
std::string escaped(std::string_view text, bool keep_slash) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~+:@!$&'()*,;=").find(c) != std::string_view::npos;
    if (plain || (keep_slash && c == '/')) {
      out += c;
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

std::string role_uri(std::string_view kind, const std::string& role, const std::string& path) {
  std::string uri = fmt::format("imgforge:{}/", kind);
  if (!role.empty()) uri += escaped(role, false) + "/";
  return uri + escaped(path, true);
}

/// The signed lists that apt resolved from.
Result<> add_releases(const spec::LockedLayer& layer, std::vector<Material>& out) {
  const auto part = TRY(layer::parse_deb_part(layer.part));
  for (const auto& release : part.releases) {
    out.push_back({.name = fmt::format("InRelease of {} {}", release.archive, release.suite),
                   .uri = role_uri("archive", release.archive,
                                   fmt::format("dists/{}/InRelease", release.suite)),
                   .digest = release.inrelease_sha256,
                   .layer = layer.id});
  }
  return {};
}

Result<> add_requirements(const spec::LockedLayer& layer, std::vector<Material>& out) {
  const auto part = TRY(layer::parse_wheels_part(layer.part));
  if (!part.requirements_file) return {};
  out.push_back({.name = base::base_name(part.requirements_file->path),
                 .uri = role_uri("project", "", part.requirements_file->path),
                 .digest = part.requirements_file->sha256,
                 .layer = layer.id});
  return {};
}

/// The manifest that listed a redist layer's archives.
Result<> add_manifest(const spec::LockedLayer& layer, std::vector<Material>& out) {
  const auto json = TRY(base::parse_json(layer.part, "the lock's part of a redist layer"));
  base::JsonReader reader(json, "redist");
  const std::string product = reader.text("product"), manifest = reader.text("manifest");
  const std::string sha256 = reader.text("manifest_sha256");
  TRY(reader.finish_tolerant());
  out.push_back({.name = manifest,
                 .uri = role_uri("redist", product, manifest),
                 .digest = sha256,
                 .layer = layer.id});
  return {};
}

Result<> add_indirect(const spec::LockedLayer& layer, std::vector<Material>& out) {
  const std::string& kind = layer.kind;
  if (kind == "bootstrap" || kind == "apt" || kind == "deb") return add_releases(layer, out);
  if (kind == "wheels") return add_requirements(layer, out);
  if (kind == "redist") return add_manifest(layer, out);
  return {};
}

Material from_candidate(const Candidate& candidate) {
  const Package& package = candidate.package;
  if (!candidate.input) {  // a base image
    return {.name = package.name,
            .uri = package.purl,
            .digest = package.sha256,
            .layer = candidate.layer_id};
  }
  return {.name = candidate.input->name,
          .uri = uri_of(candidate.input->origin),
          .digest = candidate.input->digest.hex(),
          .layer = candidate.layer_id};
}

}  // namespace

std::string uri_of(const sources::Origin& origin) {
  using Kind = sources::Origin::Kind;
  switch (origin.kind) {
    case Kind::archive:
      if (!origin.snapshot.empty()) {
        return role_uri("archive", origin.role, origin.snapshot + "/" + origin.path);
      }
      return role_uri("archive", origin.role, origin.path);
    case Kind::index:
      return role_uri("index", origin.role, origin.project + "/" + origin.path);
    case Kind::redist:
      return role_uri("redist", origin.role, origin.path);
    case Kind::project:
      return role_uri("project", "", origin.path);
    case Kind::registry:
      return role_uri("registry", origin.role, origin.path);
    case Kind::builtin:
      return role_uri("builtin", "", origin.path);
    case Kind::url:
      break;
  }
  return origin.path;
}

Result<std::vector<Material>> materials_of(const spec::Lock& lock) {
  // The architecture is for markers of dependencies, which nothing here asks for.
  const LockedContents contents = TRY(read_locked(lock, "amd64"));
  std::vector<Material> all;
  for (const spec::LockedLayer& layer : lock.layers) {
    std::vector<Material> own;
    TRY(add_indirect(layer, own));
    for (const Candidate& candidate : contents.candidates) {
      if (candidate.layer_id == layer.id) own.push_back(from_candidate(candidate));
    }
    if (const auto commit = contents.commits.find(layer.id); commit != contents.commits.end()) {
      own.push_back({.name = "the project's repository",
                     .uri = "imgforge:project/",
                     .algorithm = "gitCommit",
                     .digest = commit->second,
                     .layer = layer.id});
    }
    std::sort(own.begin(), own.end(), [](const Material& a, const Material& b) {
      return std::tie(a.uri, a.digest) < std::tie(b.uri, b.digest);
    });
    all.insert(all.end(), std::make_move_iterator(own.begin()), std::make_move_iterator(own.end()));
  }
  return all;
}

}  // namespace imgforge::evidence
