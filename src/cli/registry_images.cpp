#include "cli/registry_images.h"

#include "cli/harbor_refusals.h"
#include "registry/certificates.h"
#include "registry/credential_lookup.h"
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

RegistryImages::Place RegistryImages::place_of(const std::string& host) const {
  const auto found = configured_.find(host);
  const RegistryAddress known = found == configured_.end() ? RegistryAddress() : found->second;
  Place place{.server = known.address.empty() ? host : known.address, .patience = known.patience};
  // On this machine TLS is spoken only where something says so.
  place.plain_http =
      transport_.plain_http || known.plain_http.value_or(registry::is_loopback(place.server) &&
                                                         transport_.verify_tls);
  return place;
}

Result<std::unique_ptr<RegistryImages::Registry>> RegistryImages::open(
    const std::string& host, const registry::CredentialBook& credentials,
    http::RetryPolicy retry) {
  const Place place = place_of(host);
  http::Settings settings = http::settings_from(environment_);
  http::Trust trust =
      TRY(registry::read_certificates(registry::certificate_roots(environment_), place.server));
  trust.verify = transport_.verify_tls;
  settings.trust[registry::trust_key(place.server)] = std::move(trust);
  registry::Options options{.host = host,
                            .address = place.server == host ? "" : place.server,
                            .plain_http = place.plain_http,
                            .credentials = credentials,
                            .retry = retry};
  if (place.patience) options.patience = *place.patience;
  options.explain = [this](const http::Response& response, const registry::Asked& asked) {
    return explain_harbor(*this, response, asked);
  };
  return std::make_unique<Registry>(std::move(settings), std::move(options), progress_);
}

Result<> RegistryImages::read_credentials() {
  if (!credentials_) credentials_ = TRY(registry::read_credentials(environment_));
  return {};
}

Result<RegistryImages::Registry*> RegistryImages::registry(const std::string& host) {
  TRY(read_credentials());
  auto& known = registries_[host];
  if (!known) known = TRY(open(host, *credentials_));
  return known.get();
}

Result<registry::Client*> RegistryImages::client(const std::string& host) {
  const std::lock_guard lock(mutex_);
  return &TRY(registry(host))->client;
}

Result<harbor::Connection> RegistryImages::harbor(const std::string& host,
                                                  const std::string& project,
                                                  std::stop_token stop,
                                                  http::RetryPolicy retry) {
  const std::lock_guard lock(mutex_);
  Registry& known = *TRY(registry(host));
  const Place place = place_of(host);
  registry::CredentialLookup lookup(*credentials_, host, progress_);
  const registry::Credentials credentials = lookup.find(project, stop);
  if (credentials.empty() && !lookup.trouble().empty()) {
    return fail(Errc::unauthorized,
                "the credentials for " + host + " could not be had: " + lookup.trouble());
  }
  harbor::Options options{.host = place.server,
                          .plain_http = place.plain_http,
                          .user = credentials.user,
                          .password = credentials.password,
                          .retry = retry};
  if (place.patience) options.patience = *place.patience;
  return harbor::Connection::open(std::move(options), known.pool, progress_);
}

Result<bool> RegistryImages::check_login(const std::string& host,
                                         const registry::Credentials& credentials,
                                         std::stop_token stop) {
  registry::CredentialBook book;
  book.set(host, credentials);
  return TRY(open(host, book))->client.ping(stop);
}

Result<bool> RegistryImages::check_login(const std::string& host, const std::string& repository) {
  registry::CredentialBook book;
  {
    const std::lock_guard lock(mutex_);
    TRY(read_credentials());
    book.set(host, registry::CredentialLookup(*credentials_, host, progress_).find(repository, {}));
  }
  return TRY(open(host, book, {.attempts = 1}))->client.ping({});
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
