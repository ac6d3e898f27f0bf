// The store, and any OCI layout on disk, as ends of a copy (content/ends.h).
#pragma once

#include <string>

#include "content/ends.h"
#include "oci/reference.h"
#include "store/store.h"

namespace imgforge::store {

/// Tags are names of images in index.json. Documents with a subject become entries without a name,
/// so that they are found again and stay when the store is pruned.
class StoreEnd final : public content::Target {
 public:
  /// Borrows the store.
  explicit StoreEnd(Store& store) : store_(store) {}

  std::string name() const override { return store_.directory(); }
  Result<content::Document> resolve(const std::string& reference, std::stop_token stop) override;
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token stop) override;
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
  Store& store_;
};

/// A layout that somebody else owns: only read, and nothing is created in it.
class LayoutOrigin final : public content::Origin {
 public:
  explicit LayoutOrigin(std::string directory) : directory_(std::move(directory)) {}

  std::string name() const override { return "oci:" + directory_; }
  /// The empty reference is the only image, where there is only one.
  Result<content::Document> resolve(const std::string& reference, std::stop_token stop) override;
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token stop) override;
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token stop) override;
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token stop) override;
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 std::stop_token stop) override;

 private:
  std::string directory_;
};

/// What an archive holds, by the names that stand in it. Its blobs are taken into the store first:
/// a tar can only be read from its beginning. Borrows the store.
Result<std::unique_ptr<content::Origin>> open_archive(Store& store,
                                                      const oci::ArchiveReference& archive,
                                                      base::Progress& progress,
                                                      std::stop_token stop);

}  // namespace imgforge::store
