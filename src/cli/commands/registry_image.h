// An image in a registry that a command is about: resolved to its digest once.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "cli/app.h"
#include "oci/reference.h"
#include "release/repository.h"

namespace imgforge::cli {

struct RegistryImage {
  std::string name;  // as asked for
  oci::RegistryReference reference;
  std::unique_ptr<release::Repository> repository;
  release::RawManifest manifest;

  const oci::Descriptor& descriptor() const { return manifest.descriptor; }
};

/// "HOST/REPO:TAG" or "@DIGEST" (which wins), the tag "latest" for neither. Errc::usage for what is
/// in no registry; Errc::not_found with the nearest tag.
Result<RegistryImage> open_registry_image(App& app, const std::string& text);

/// "KEY=VALUE" words of an option; Errc::usage for others and for a key that is there twice.
Result<std::map<std::string, std::string>> key_values(const App& app, std::string_view option);

}  // namespace imgforge::cli
