// The inputs of a store as blobs that can be sent: what `build --keep-inputs` brings beside an
// image. Documents are given to it; it has none of its own.
#pragma once

#include <map>
#include <string>
#include <utility>

#include "content/ends.h"
#include "store/store.h"

namespace imgforge::store {

class InputsOrigin final : public content::Origin {
 public:
  /// Borrows the store. `small`: blobs that are no inputs, by digest.
  InputsOrigin(const Store& store, std::map<oci::Digest, std::string> small)
      : store_(store), small_(std::move(small)) {}

  std::string name() const override { return store_.directory() + "/inputs"; }
  /// Errc::not_found: it has no documents.
  Result<content::Document> resolve(const std::string& reference, std::stop_token stop) override;
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token stop) override;
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token stop) override;
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token stop) override;
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest& subject,
                                                 std::stop_token stop) override;

 private:
  const Store& store_;
  std::map<oci::Digest, std::string> small_;
};

}  // namespace imgforge::store
