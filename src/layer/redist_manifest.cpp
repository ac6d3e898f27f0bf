#include "layer/redist_manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "archive/tar.h"
#include "base/json.h"
#include "base/text.h"

namespace imgforge::layer {

using base::Json;
using base::JsonReader;

namespace {

std::vector<std::string> keys_of(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) {
    if (value.is_object()) keys.push_back(key);
  }
  return keys;
}

}  // namespace

Result<RedistManifest> RedistManifest::parse(std::string text, std::string file) {
  RedistManifest manifest;
  const auto root = TRY(base::parse_json(text, file));
  if (!root.is_object()) return fail(Errc::invalid, file + " must be an object");
  for (const auto& [key, value] : root.items()) {
    // release_date and its like are texts; a component has a name.
    if (value.is_object() && value.contains("name")) manifest.components_.push_back(key);
  }
  if (manifest.components_.empty()) {
    return fail(Errc::invalid, file + " lists no component: it is no redistrib manifest");
  }
  manifest.text_ = std::move(text);
  manifest.file_ = std::move(file);
  return manifest;
}

Result<RedistArchive> RedistManifest::find(const std::string& component,
                                           const std::string& platform,
                                           const std::string& cuda_major) const {
  if (std::find(components_.begin(), components_.end(), component) == components_.end()) {
    const std::vector<std::string_view> known(components_.begin(), components_.end());
    const auto near = base::nearest(component, known);
    return fail(Error(Errc::not_found, fmt::format("{} has no component {}", file_, component))
                    .hint(near ? fmt::format("did you mean \"{}\"?", *near)
                               : fmt::format("it has {}", base::join(components_, ", "))));
  }
  const auto root = TRY(base::parse_json(text_, file_));
  const Json& entry = root[component];
  const std::string place = file_ + "." + component;
  JsonReader reader(entry, place);
  RedistArchive found{.component = component,
                      .name = reader.text("name"),
                      .license = reader.text_or("license", ""),
                      .version = reader.text("version")};
  TRY(reader.finish_tolerant());
  if (!entry.contains(platform)) {
    return fail(Errc::not_found, fmt::format("{} has {} only for {}, not for {}", file_, component,
                                             base::join(keys_of(entry), ", "), platform));
  }
  const Json* files = &entry[platform];
  std::string where = place + "." + platform;
  if (files->is_object() && !files->contains("relative_path")) {
    const std::string variant = "cuda" + cuda_major;
    if (cuda_major.empty() || !files->contains(variant)) {
      return fail(Error(Errc::not_found,
                        fmt::format("{} has {} for {}, and not for {}", file_, component,
                                    base::join(keys_of(*files), ", "),
                                    cuda_major.empty() ? "no CUDA in particular" : variant))
                      .hint("put the layer above a CUDA layer, or name the CUDA version in "
                            "`prefix`, as /usr/local/cuda-11.8"));
    }
    files = &(*files)[variant];
    where += "." + variant;
  }
  JsonReader archive(*files, where);
  found.path = archive.text("relative_path");
  found.sha256 = base::to_lower(archive.text("sha256"));
  // The size is a decimal text in every manifest seen; a number would mean the same.
  const Json& size = archive.value("size");
  if (size.is_string()) {
    const auto bytes = base::parse_uint(size.get<std::string>());
    if (!bytes) archive.reject("size", "must be a number of bytes");
    found.size = bytes.value_or(0);
  } else {
    found.size = archive.number("size");
  }
  TRY(archive.finish_tolerant());
  const auto path = archive::normal_path(found.path);
  if (!path || found.path.starts_with('/') || !oci::Digest::from_sha256_hex(found.sha256)) {
    return fail(Errc::invalid, where + " has an unusable relative_path or sha256");
  }
  return found;
}

}  // namespace imgforge::layer
