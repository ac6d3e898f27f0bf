// A repository as it was when a command began to look: every question goes to the registry once,
// and the same answer is given from then on. For reports that read the same images several times;
// for nothing that writes.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "release/repository.h"

namespace imgforge::cli {

class SnapshotRepository final : public release::Repository {
 public:
  explicit SnapshotRepository(release::Repository& source) : source_(source) {}

  const std::string& name() const override { return source_.name(); }
  Result<std::optional<oci::Descriptor>> resolve(const oci::Tag& tag) override;
  Result<release::RawManifest> manifest(const oci::Digest& digest) override;
  Result<std::vector<std::string>> tags() override;
  Result<std::vector<release::Artifact>> artifacts(const oci::Digest& image) override;
  Result<release::Artifact> fetch(const release::Artifact& artifact) override;
  release::HarborSide* harbor() override { return source_.harbor(); }

  // Errc::internal: a report writes nothing.
  Result<> put_manifest(const oci::Tag& tag, const release::RawManifest& manifest) override;
  Result<> attach(const release::Artifact& artifact) override;
  Result<> detach(const release::Artifact& artifact) override;
  Result<> copy_image(Repository& source, const oci::Descriptor& image,
                      std::stop_token stop) override;

 private:
  template <class Value>
  using Known = std::map<std::string, Value>;
  /// Two threads that ask for the same at the same moment may both ask the registry.
  template <class Value>
  Result<Value> once(Known<Value>& known, const std::string& key,
                     const std::function<Result<Value>()>& ask);

  release::Repository& source_;
  std::mutex mutex_;
  Known<std::optional<oci::Descriptor>> resolved_;
  Known<release::RawManifest> manifests_;
  Known<std::vector<std::string>> tags_;
  Known<std::vector<release::Artifact>> artifacts_;
  Known<release::Artifact> fetched_;
};

}  // namespace imgforge::cli
