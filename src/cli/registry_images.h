// The registries of one invocation: a client per host, made by what the configuration, the options,
// and the credential and certificate files of docker and podman say. Nothing is read before the
// first registry is asked for.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "cli/settings.h"
#include "harbor/connection.h"
#include "http/pool.h"
#include "layer/image_source.h"
#include "registry/client.h"

namespace imgforge::cli {

class RegistryImages final : public layer::ImageSource {
 public:
  using Environment = std::map<std::string, std::string>;
  /// What the command line says for every registry of the command.
  struct Transport {
    bool plain_http = false;
    bool verify_tls = true;
  };
  /// `registries` by host as references have it. Borrows `progress`.
  RegistryImages(std::map<std::string, RegistryAddress> registries, Environment environment,
                 Transport transport, base::Progress& progress);

  /// The same one for a host at every call; safe from several threads.
  Result<registry::Client*> client(const std::string& host);

  /// The REST interface of the Harbor at a host, as whoever logged in there (or to the project).
  /// Borrows this. Nothing is asked of it yet: any host will do.
  Result<harbor::Connection> harbor(const std::string& host, const std::string& project,
                                    std::stop_token stop, http::RetryPolicy retry = {});

  /// Whether the registry takes these credentials: unauthorized if not; false when it asks nobody.
  Result<bool> check_login(const std::string& host, const registry::Credentials& credentials,
                           std::stop_token stop);

  /// The same for those that are known for a repository; tried once.
  Result<bool> check_login(const std::string& host, const std::string& repository);

  Result<oci::Descriptor> pull(const oci::RegistryReference& image, const oci::Platform& platform,
                               store::Store& store, base::Progress& progress,
                               std::stop_token stop) override;
  Result<> pull_blob(const oci::RegistryReference& image, const oci::Descriptor& blob,
                     store::Store& store, base::ProgressTask& task, std::stop_token stop) override;

 private:
  struct Registry {
    http::Pool pool;
    registry::Client client;
    Registry(http::Settings settings, registry::Options options, base::Progress& progress)
        : pool(std::move(settings)), client(std::move(options), pool, progress) {}
  };

  /// Where a host is reached, and how.
  struct Place {
    std::string server;
    bool plain_http = false;
    std::optional<std::chrono::milliseconds> patience;
  };
  Place place_of(const std::string& host) const;
  /// Under the mutex.
  Result<> read_credentials();
  Result<Registry*> registry(const std::string& host);
  Result<std::unique_ptr<Registry>> open(const std::string& host,
                                         const registry::CredentialBook& credentials,
                                         http::RetryPolicy retry = {});

  std::map<std::string, RegistryAddress> configured_;
  Environment environment_;
  Transport transport_;
  base::Progress& progress_;
  std::mutex mutex_;
  std::optional<registry::CredentialBook> credentials_;
  std::map<std::string, std::unique_ptr<Registry>> registries_;
};

}  // namespace imgforge::cli
