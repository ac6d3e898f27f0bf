// A registry in memory that keeps the rules of a real one: manifests are their bytes, children go
// before parents, immutable tags answer 412 even to the same digest (Harbor 2.0 to 2.15), referrers
// are listed by the API or by the fallback tag. Faults and other people are injected.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "release/repository.h"

class MemoryRepository;

/// What a test sees of the Harbor behind a repository.
struct MemoryHarbor : imgforge::release::HarborSide {
  explicit MemoryHarbor(MemoryRepository& owner) : repository(owner) {}
  imgforge::Result<imgforge::release::VulnerabilitySummary> vulnerabilities(
      const imgforge::oci::Digest&) override {
    return scan;
  }
  imgforge::Result<std::optional<imgforge::base::Seconds>> pushed(
      const imgforge::oci::Digest&) override {
    return push_time;
  }
  imgforge::Result<std::optional<std::string>> immutability_rule(
      const imgforge::oci::Tag& tag) override;
  imgforge::Result<std::vector<std::string>> tags_of(const imgforge::oci::Digest& image) override;
  bool can_copy_from(const std::string& name) const override { return sources.count(name) > 0; }
  /// As Harbor does it: every tag of the image comes along, artifacts only with a new image.
  imgforge::Result<> copy_from(const std::string& name,
                               const imgforge::oci::Digest& image) override;

  MemoryRepository& repository;
  imgforge::release::VulnerabilitySummary scan;
  std::optional<imgforge::base::Seconds> push_time;
  std::map<std::string, MemoryRepository*> sources;
};

class MemoryRepository : public imgforge::release::Repository {
 public:
  using Artifact = imgforge::release::Artifact;
  using RawManifest = imgforge::release::RawManifest;
  using Digest = imgforge::oci::Digest;
  using Tag = imgforge::oci::Tag;
  template <class T = void>
  using Result = imgforge::Result<T>;

  explicit MemoryRepository(std::string name) : name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  Result<std::optional<imgforge::oci::Descriptor>> resolve(const Tag& tag) override;
  Result<RawManifest> manifest(const Digest& digest) override;
  Result<> put_manifest(const Tag& tag, const RawManifest& manifest) override;
  Result<std::vector<std::string>> tags() override;
  Result<std::vector<Artifact>> artifacts(const Digest& image) override;
  Result<Artifact> fetch(const Artifact& artifact) override;
  Result<> attach(const Artifact& artifact) override;
  Result<> detach(const Artifact& artifact) override;
  Result<> copy_image(imgforge::release::Repository& source, const imgforge::oci::Descriptor& image,
                      std::stop_token stop) override;
  imgforge::release::HarborSide* harbor() override { return is_harbor ? &harbor_side : nullptr; }

  // For tests: straight into the registry, past its rules.
  void store_blob(const std::string& bytes) { blobs_[Digest::of(bytes).to_string()] = bytes; }
  void store_manifest(const RawManifest& manifest);
  void set_tag(const std::string& tag, const Digest& digest);
  void forget(const Digest& digest);
  std::optional<Digest> tagged(const std::string& tag) const;
  bool has(const Digest& digest) const { return manifests_.count(digest) > 0; }
  std::size_t artifact_count(const Digest& image);

  // Settings and faults.
  bool referrers_api = true;
  bool deletes = true;
  bool is_harbor = false;
  MemoryHarbor harbor_side{*this};
  std::set<std::string> immutable;                             // patterns
  std::function<Result<>(const std::string& tag)> before_put;  // an error is the registry's answer
  std::function<Result<>(const std::string& tag)> after_put;   // an error is a lost answer
  std::function<Result<>(const Artifact&)> before_attach;
  std::function<Result<>(const Digest&)> before_fetch;
  std::function<void(Artifact&)> tamper;  // of what fetch() and copies give

  /// Every request that changes something, in order: "put v2.6-lts", "attach …".
  std::vector<std::string> writes;
  std::size_t blob_reads = 0;

 private:
  bool is_immutable(const std::string& tag) const;
  Result<std::vector<Artifact>> referrers(const Digest& image);
  void write_fallback(const Digest& subject, const imgforge::oci::Descriptor& entry, bool add);

  friend struct MemoryHarbor;
  std::string name_;
  std::recursive_mutex mutex_;
  std::map<Digest, RawManifest> manifests_;
  std::map<std::string, std::string> blobs_;
  std::map<std::string, Digest> tags_;
};

/// An image of one small layer, with annotations as imgforge writes them. Stored under its build
/// tag unless that is empty.
MemoryRepository::RawManifest make_image(MemoryRepository& repository, const std::string& build_tag,
                                         const std::string& created = "2025-05-20T00:00:00Z",
                                         const std::string& content = "");
