// One repository of a registry as an end of a copy (content/ends.h).
#pragma once

#include <string>

#include "content/ends.h"
#include "registry/client.h"

namespace imgforge::registry {

class Repository final : public content::Target {
 public:
  struct Options {
    std::uint64_t chunk_size = 0;            // as UploadOptions
    const UploadJournal* journal = nullptr;  // borrowed
  };
  /// Borrows the client.
  Repository(Client& client, std::string repository, Options options)
      : client_(client), repository_(std::move(repository)), options_(options) {}
  Repository(Client& client, std::string repository)
      : Repository(client, std::move(repository), Options()) {}

  std::string name() const override { return client_.host() + "/" + repository_; }
  std::optional<content::Place> place() const override {
    return content::Place{client_.host(), repository_};
  }
  /// The empty reference is the tag "latest".
  Result<content::Document> resolve(const std::string& reference, std::stop_token stop) override;
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token stop) override;
  /// Reads ahead in a thread of its own, at most a MiB; begins anew where another offset is wanted.
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token stop) override;
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token stop) override;
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 std::stop_token stop) override;

  Result<std::optional<oci::Descriptor>> find(const std::string& tag,
                                              std::stop_token stop) override;
  Result<bool> has_blob(const oci::Descriptor& blob, std::stop_token stop) override;
  Result<bool> has_document(const oci::Descriptor& document, std::stop_token stop) override;
  Result<content::Taken> take_blob(const oci::Descriptor& blob, content::Origin& origin,
                                   const content::Ways& ways, base::ProgressTask& task,
                                   std::stop_token stop) override;
  Result<> put_document(const content::Document& document, std::stop_token stop) override;
  Result<> tag(const content::Document& document, const std::string& tag,
               std::stop_token stop) override;

 private:
  oci::RegistryReference reference(const std::string& name) const;
  Client& client_;
  std::string repository_;
  Options options_;
};

}  // namespace imgforge::registry
