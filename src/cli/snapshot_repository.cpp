#include "cli/snapshot_repository.h"

namespace imgforge::cli {
namespace {

tl::unexpected<Error> no_writing() {
  return fail(Errc::internal, "a snapshot of a repository was to be written to");
}

}  // namespace

template <class Value>
Result<Value> SnapshotRepository::once(Known<Value>& known, const std::string& key,
                                       const std::function<Result<Value>()>& ask) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known.find(key); found != known.end()) return found->second;
  }
  Value value = TRY(ask());
  const std::lock_guard lock(mutex_);
  return known.emplace(key, std::move(value)).first->second;
}

Result<std::optional<oci::Descriptor>> SnapshotRepository::resolve(const oci::Tag& tag) {
  return once<std::optional<oci::Descriptor>>(resolved_, tag.to_string(),
                                              [&] { return source_.resolve(tag); });
}

Result<release::RawManifest> SnapshotRepository::manifest(const oci::Digest& digest) {
  return once<release::RawManifest>(manifests_, digest.to_string(),
                                    [&] { return source_.manifest(digest); });
}

Result<std::vector<std::string>> SnapshotRepository::tags() {
  return once<std::vector<std::string>>(tags_, "", [&] { return source_.tags(); });
}

Result<std::vector<release::Artifact>> SnapshotRepository::artifacts(const oci::Digest& image) {
  return once<std::vector<release::Artifact>>(artifacts_, image.to_string(),
                                              [&] { return source_.artifacts(image); });
}

Result<release::Artifact> SnapshotRepository::fetch(const release::Artifact& artifact) {
  return once<release::Artifact>(fetched_, artifact.manifest.descriptor.digest.to_string(),
                                 [&] { return source_.fetch(artifact); });
}

Result<> SnapshotRepository::put_manifest(const oci::Tag&, const release::RawManifest&) {
  return no_writing();
}
Result<> SnapshotRepository::attach(const release::Artifact&) { return no_writing(); }
Result<> SnapshotRepository::detach(const release::Artifact&) { return no_writing(); }
Result<> SnapshotRepository::copy_image(Repository&, const oci::Descriptor&, std::stop_token) {
  return no_writing();
}

}  // namespace imgforge::cli
