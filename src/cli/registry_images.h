// Images in registries for the layer kinds: one client per host, made by what the configuration and
// the credential files of docker and podman say. Nothing is read before the first image is asked
// for.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cli/settings.h"
#include "http/pool.h"
#include "layer/image_source.h"
#include "registry/client.h"

namespace imgforge::cli {

class RegistryImages final : public layer::ImageSource {
 public:
  using Environment = std::map<std::string, std::string>;
  /// `registries` by host as references have it. Borrows `progress`.
  RegistryImages(std::map<std::string, RegistryAddress> registries, Environment environment,
                 base::Progress& progress);

  Result<oci::Descriptor> pull(const oci::RegistryReference& image, const oci::Platform& platform,
                               store::Store& store, base::Progress& progress,
                               std::stop_token stop) override;
  Result<> pull_blob(const oci::RegistryReference& image, const oci::Descriptor& blob,
                     store::Store& store, base::ProgressTask& task, std::stop_token stop) override;

 private:
  Result<registry::Client*> client(const std::string& host);

  std::map<std::string, RegistryAddress> registries_;
  Environment environment_;
  base::Progress& progress_;
  http::Pool pool_;
  std::mutex mutex_;
  std::optional<registry::CredentialBook> credentials_;
  std::map<std::string, std::unique_ptr<registry::Client>> clients_;
};

}  // namespace imgforge::cli
