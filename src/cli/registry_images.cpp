#include "cli/registry_images.h"

#include "registry/certificates.h"
#include "registry/pull.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kTransfers = 6;

}  // namespace

RegistryImages::RegistryImages(std::map<std::string, RegistryAddress> registries,
                               Environment environment, Transport transport,
                               base::Progress& progress)
    : configured_(std::move(registries)),
      environment_(std::move(environment)),
      transport_(transport),
      progress_(progress) {}

Result<std::unique_ptr<RegistryImages::Registry>> RegistryImages::open(
    const std::string& host, const registry::CredentialBook& credentials) {
  const auto found = configured_.find(host);
  const RegistryAddress known = found == configured_.end() ? RegistryAddress() : found->second;
  const std::string& server = known.address.empty() ? host : known.address;
  http::Settings settings = http::settings_from(environment_);
  http::Trust trust =
      TRY(registry::read_certificates(registry::certificate_roots(environment_), server));
  trust.verify = transport_.verify_tls;
  settings.trust[registry::trust_key(server)] = std::move(trust);
  // On this machine TLS is spoken only where something says so.
  const bool plain =
      transport_.plain_http ||
      known.plain_http.value_or(registry::is_loopback(server) && transport_.verify_tls);
  return std::make_unique<Registry>(
      std::move(settings),
      registry::Options{
          .host = host, .address = known.address, .plain_http = plain, .credentials = credentials},
      progress_);
}

Result<registry::Client*> RegistryImages::client(const std::string& host) {
  const std::lock_guard lock(mutex_);
  auto& known = registries_[host];
  if (!known) {
    if (!credentials_) credentials_ = TRY(registry::read_credentials(environment_));
    known = TRY(open(host, *credentials_));
  }
  return &known->client;
}

Result<bool> RegistryImages::check_login(const std::string& host,
                                         const registry::Credentials& credentials,
                                         std::stop_token stop) {
  registry::CredentialBook book;
  book.set(host, credentials);
  return TRY(open(host, book))->client.ping(stop);
}

Result<oci::Descriptor> RegistryImages::pull(const oci::RegistryReference& image,
                                             const oci::Platform& platform, store::Store& store,
                                             base::Progress& progress, std::stop_token stop) {
  return registry::pull_image(*TRY(client(image.host)), image, platform, store, kTransfers,
                              progress, stop);
}

Result<> RegistryImages::pull_blob(const oci::RegistryReference& image, const oci::Descriptor& blob,
                                   store::Store& store, base::ProgressTask& task,
                                   std::stop_token stop) {
  return registry::pull_blob(*TRY(client(image.host)), image.repository, blob, store, task, stop);
}

}  // namespace imgforge::cli
