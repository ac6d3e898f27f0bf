#include "cli/registry_images.h"

#include "base/file.h"
#include "registry/pull.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kTransfers = 6;

Result<registry::CredentialBook> read_credentials(const RegistryImages::Environment& environment) {
  registry::CredentialBook book;
  for (const std::string& file : registry::credential_files(environment)) {
    if (!base::exists(file)) continue;
    book.merge(TRY(registry::CredentialBook::parse(TRY(base::read_file(file, 4 << 20)), file)));
  }
  return book;
}

}  // namespace

RegistryImages::RegistryImages(std::map<std::string, RegistryAddress> registries,
                               Environment environment, base::Progress& progress)
    : registries_(std::move(registries)),
      environment_(std::move(environment)),
      progress_(progress),
      pool_(http::settings_from(environment_)) {}

Result<registry::Client*> RegistryImages::client(const std::string& host) {
  const std::lock_guard lock(mutex_);
  auto& client = clients_[host];
  if (!client) {
    if (!credentials_) credentials_ = TRY(read_credentials(environment_));
    const auto found = registries_.find(host);
    const RegistryAddress known = found == registries_.end() ? RegistryAddress() : found->second;
    const std::string& server = known.address.empty() ? host : known.address;
    client = std::make_unique<registry::Client>(
        registry::Options{.host = host,
                          .address = known.address,
                          .plain_http = known.plain_http.value_or(registry::is_loopback(server)),
                          .credentials = *credentials_},
        pool_, progress_);
  }
  return client.get();
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
