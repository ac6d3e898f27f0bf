#include "cli/repositories.h"

#include <fmt/format.h>

#include "content/copy.h"
#include "registry/repository.h"
#include "sign/artifact.h"

namespace imgforge::cli {
namespace {

constexpr std::uint64_t kMaximumBytes = std::uint64_t{32} << 20;

release::RawManifest taken(registry::RawManifest manifest) {
  return {std::move(manifest.descriptor), std::move(manifest.bytes)};
}

class RegistryRepository final : public release::Repository {
 public:
  RegistryRepository(App& app, registry::Client& client, const std::string& repository)
      : app_(app),
        client_(client),
        repository_(repository),
        name_(client.host() + "/" + repository),
        end_(client, repository) {}

  const std::string& name() const override { return name_; }

  Result<std::optional<oci::Descriptor>> resolve(const oci::Tag& tag) override {
    auto found = client_.head_manifest(reference(tag), registry::Right::pull, app_.stop());
    if (!found && found.error().code() == Errc::not_found) return std::nullopt;
    return found;
  }

  Result<release::RawManifest> manifest(const oci::Digest& digest) override {
    oci::RegistryReference wanted{client_.host(), repository_, std::nullopt, digest};
    return taken(TRY(client_.get_manifest(wanted, app_.stop())));
  }

  Result<> put_manifest(const oci::Tag& tag, const release::RawManifest& manifest) override {
    TRY(client_.put_manifest(repository_, {manifest.descriptor, manifest.bytes}, tag, app_.stop()));
    return {};
  }

  Result<std::vector<std::string>> tags() override {
    auto listed = client_.list_tags(repository_, app_.stop());
    if (!listed && listed.error().code() == Errc::not_found) return std::vector<std::string>();
    return listed;
  }

  Result<std::vector<release::Artifact>> artifacts(const oci::Digest& image) override {
    std::vector<release::Artifact> found;
    for (const oci::Tag& tag :
         {sign::legacy_signature_tag(image), sign::legacy_attestation_tag(image)}) {
      const auto descriptor = TRY(resolve(tag));
      if (!descriptor) continue;
      release::RawManifest raw = TRY(manifest(descriptor->digest));
      found.push_back({.manifest = std::move(raw), .blobs = {}, .tag = tag});
    }
    for (const oci::Descriptor& one : TRY(client_.referrers(repository_, image, app_.stop()))) {
      release::RawManifest raw = TRY(manifest(one.digest));
      found.push_back({.manifest = std::move(raw), .blobs = {}, .tag = std::nullopt});
    }
    return found;
  }

  Result<release::Artifact> fetch(const release::Artifact& artifact) override {
    const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest.bytes));
    std::vector<oci::Descriptor> wanted;
    if (manifest.config) wanted.push_back(*manifest.config);
    wanted.insert(wanted.end(), manifest.layers.begin(), manifest.layers.end());
    std::uint64_t sum = 0;
    for (const oci::Descriptor& blob : wanted) {
      if (blob.size > kMaximumBytes || (sum += blob.size) > kMaximumBytes) {
        return fail(Errc::invalid,
                    fmt::format("what stands beside the image as {} is larger than 32 MiB",
                                artifact.manifest.descriptor.digest.short_hex()));
      }
    }
    release::Artifact out = artifact;
    out.blobs.clear();
    for (const oci::Descriptor& blob : wanted) {
      std::string text;
      base::StringSink sink(text);
      const auto task = base::silent_progress().start("fetch", "", blob.size);
      TRY(client_.get_blob(repository_, blob, sink, *task, app_.stop()));
      out.blobs.push_back({blob, std::move(text)});
    }
    return out;
  }

  Result<> attach(const release::Artifact& artifact) override {
    for (const release::Blob& blob : artifact.blobs) {
      if (TRY(client_.has_blob(repository_, blob.descriptor, app_.stop()))) continue;
      const auto task = base::silent_progress().start("push", "", blob.descriptor.size);
      const auto open = [&]() -> Result<std::unique_ptr<base::RandomAccess>> {
        return std::make_unique<base::TextAccess>(blob.bytes);
      };
      TRY(client_.put_blob(repository_, blob.descriptor, open, {}, *task, app_.stop()));
    }
    if (artifact.tag) return put_manifest(*artifact.tag, artifact.manifest);
    return client_.put_referrer(
        repository_, {artifact.manifest.descriptor, artifact.manifest.bytes}, app_.stop());
  }

  Result<> detach(const release::Artifact& artifact) override {
    return client_.delete_manifest(repository_, artifact.manifest.descriptor.digest, app_.stop());
  }

  Result<> copy_image(release::Repository& source, const oci::Descriptor& image,
                      std::stop_token stop) override {
    auto* other = dynamic_cast<RegistryRepository*>(&source);
    if (other == nullptr) return fail(Errc::internal, "a copy from a repository of another kind");
    TRY(content::copy(other->end_, image.digest.to_string(), end_, {}, app_.progress(), stop));
    return {};
  }

 private:
  oci::RegistryReference reference(const oci::Tag& tag) const {
    return {client_.host(), repository_, tag, std::nullopt};
  }

  App& app_;
  registry::Client& client_;
  std::string repository_;
  std::string name_;
  registry::Repository end_;
};

}  // namespace

Result<std::unique_ptr<release::Repository>> open_repository(App& app,
                                                             const oci::RegistryReference& image) {
  registry::Client* client = TRY(app.images().client(image.host));
  return std::make_unique<RegistryRepository>(app, *client, image.repository);
}

}  // namespace imgforge::cli
