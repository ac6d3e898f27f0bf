#include "cli/repositories.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "base/task_group.h"
#include "base/text.h"
#include "cli/harbor_side.h"
#include "content/copy.h"
#include "content/referrers.h"
#include "oci/artifact.h"
#include "oci/graph.h"
#include "oci/image.h"
#include "registry/repository.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kParallel = 8;
/// Of what stands beside an image: signatures and statements, no layers.
constexpr std::uint64_t kLargestArtifact = 32 << 20;
constexpr std::array<const char*, 3> kCosignKinds = {"sig", "att", "sbom"};

content::Document document_of(const release::RawManifest& manifest) {
  return {manifest.descriptor, manifest.bytes};
}

release::RawManifest manifest_of(content::Document document) {
  return {std::move(document.descriptor), std::move(document.bytes)};
}

/// What is about to be attached, as the origin of a push.
class ArtifactOrigin final : public content::Origin {
 public:
  explicit ArtifactOrigin(const release::Artifact& artifact) : artifact_(artifact) {}

  std::string name() const override { return artifact_.manifest.descriptor.digest.to_string(); }
  Result<content::Document> resolve(const std::string&, std::stop_token) override {
    return document_of(artifact_.manifest);
  }
  Result<content::Document> document(const oci::Descriptor& wanted, std::stop_token) override {
    if (wanted.digest == artifact_.manifest.descriptor.digest) {
      return document_of(artifact_.manifest);
    }
    return fail(lacks(wanted));
  }
  Result<std::unique_ptr<base::RandomAccess>> open_blob(const oci::Descriptor& blob,
                                                        std::stop_token) override {
    const std::string* bytes = TRY(find(blob));
    return std::unique_ptr<base::RandomAccess>(std::make_unique<base::TextAccess>(*bytes));
  }
  Result<> read_blob(const oci::Descriptor& blob, base::Sink& sink, base::ProgressTask& task,
                     std::stop_token) override {
    const std::string* bytes = TRY(find(blob));
    task.advance(bytes->size());
    return sink.write(base::as_bytes(*bytes));
  }
  Result<std::vector<oci::Descriptor>> referrers(const oci::Digest&, std::stop_token) override {
    return std::vector<oci::Descriptor>();
  }

 private:
  Error lacks(const oci::Descriptor& wanted) const {
    return Error(Errc::internal, fmt::format("{} comes without its {}", name(),
                                             wanted.digest.to_string()));
  }
  Result<const std::string*> find(const oci::Descriptor& wanted) const {
    for (const release::Blob& blob : artifact_.blobs) {
      if (blob.descriptor.digest == wanted.digest) return &blob.bytes;
    }
    return fail(lacks(wanted));
  }

  const release::Artifact& artifact_;
};

class RegistryRepository final : public release::Repository {
 public:
  RegistryRepository(App& app, registry::Client& client, oci::RegistryReference image)
      : images_(app.images()),
        progress_(app.progress()),
        stop_(app.stop()),
        client_(client),
        image_(std::move(image)),
        name_(image_.host + "/" + image_.repository),
        end_(client, image_.repository) {}

  const std::string& name() const override { return name_; }

  Result<std::optional<oci::Descriptor>> resolve(const oci::Tag& tag) override {
    return client_.head_manifest(at(tag), registry::Right::pull, stop_);
  }

  Result<release::RawManifest> manifest(const oci::Digest& digest) override {
    return manifest_of(TRY(client_.get_manifest(at(digest), stop_)));
  }

  Result<> put_manifest(const oci::Tag& tag, const release::RawManifest& manifest) override {
    TRY(client_.put_manifest(image_.repository, document_of(manifest), tag, stop_));
    return {};
  }

  Result<std::vector<std::string>> tags() override {
    auto tags = client_.list_tags(image_.repository, stop_);
    if (!tags && tags.error().code() == Errc::not_found) return std::vector<std::string>();
    return tags;
  }

  Result<std::vector<release::Artifact>> artifacts(const oci::Digest& image) override;
  Result<release::Artifact> fetch(const release::Artifact& artifact) override;
  Result<> attach(const release::Artifact& artifact) override;

  Result<> detach(const release::Artifact& artifact) override {
    return client_.delete_manifest(image_.repository, artifact.manifest.descriptor.digest, stop_);
  }

  Result<> copy_image(release::Repository& source, const oci::Descriptor& image,
                      std::stop_token stop) override {
    auto* from = dynamic_cast<RegistryRepository*>(&source);
    if (from == nullptr) return fail(Errc::internal, source.name() + " is in no registry");
    TRY(content::copy(from->end_, image.digest.to_string(), end_, {.verb = "copy"}, progress_,
                      stop));
    return {};
  }

  HarborRepository* harbor() override {
    std::call_once(asked_, [&] { harbor_ = find_harbor(images_, image_, stop_); });
    return harbor_.get();
  }

 private:
  oci::RegistryReference at(const oci::Tag& tag) const {
    return {.host = image_.host, .repository = image_.repository, .tag = tag};
  }
  oci::RegistryReference at(const oci::Digest& digest) const {
    return {.host = image_.host, .repository = image_.repository, .digest = digest};
  }
  /// nullopt: it is not there.
  Result<std::optional<content::Document>> look(const oci::RegistryReference& what) {
    auto found = client_.get_manifest(what, stop_);
    if (found) return std::optional(*std::move(found));
    if (found.error().code() == Errc::not_found) return std::nullopt;
    return fail(std::move(found.error()));
  }

  RegistryImages& images_;
  base::Progress& progress_;
  std::stop_token stop_;
  registry::Client& client_;
  oci::RegistryReference image_;
  std::string name_;
  registry::Repository end_;
  std::once_flag asked_;
  std::unique_ptr<HarborRepository> harbor_;
};

Result<std::vector<release::Artifact>> RegistryRepository::artifacts(const oci::Digest& image) {
  // All places at once: the list, and cosign's tags.
  std::vector<oci::Descriptor> listed;
  std::array<std::optional<content::Document>, kCosignKinds.size()> tagged;
  const auto tag_of = [&](std::size_t i) {
    return oci::Tag::parse(content::cosign_tag(image, kCosignKinds[i]));
  };
  TRY(base::parallel_for(kCosignKinds.size() + 1, kCosignKinds.size() + 1, stop_,
                         [&](std::size_t i, std::stop_token inner) -> Result<> {
                           if (i == 0) {
                             listed =
                                 TRY(client_.listed_referrers(image_.repository, image, inner));
                           } else {
                             tagged[i - 1] = TRY(look(at(TRY(tag_of(i - 1)))));
                           }
                           return {};
                         }));
  std::vector<release::Artifact> out;
  const auto is_known = [&](const oci::Digest& digest) {
    return std::any_of(out.begin(), out.end(), [&](const release::Artifact& one) {
      return one.manifest.descriptor.digest == digest;
    });
  };
  for (std::size_t i = 0; i < tagged.size(); ++i) {
    if (!tagged[i]) continue;
    auto tag = TRY(tag_of(i));
    out.push_back({.manifest = manifest_of(*std::move(tagged[i])), .blobs = {}, .tag = tag});
  }
  std::erase_if(listed, [&](const oci::Descriptor& one) { return is_known(one.digest); });
  using Found = std::optional<content::Document>;
  auto found = TRY(base::parallel_map<Found>(
      listed.size(), kParallel, stop_,
      [&](std::size_t i, std::stop_token) { return look(at(listed[i].digest)); }));
  for (Found& one : found) {
    // Lists outlive what they name, and may name a thing twice.
    if (!one || is_known(one->descriptor.digest)) continue;
    out.push_back({.manifest = manifest_of(*std::move(one)), .blobs = {}, .tag = std::nullopt});
  }
  return out;
}

Result<release::Artifact> RegistryRepository::fetch(const release::Artifact& artifact) {
  release::Artifact out{.manifest = artifact.manifest, .blobs = {}, .tag = artifact.tag};
  const oci::Descriptor& about = artifact.manifest.descriptor;
  std::uint64_t sum = 0;
  for (const oci::Descriptor& one : TRY(oci::successors(about.media_type, artifact.manifest.bytes))) {
    if (oci::is_manifest(one.media_type) || oci::is_index(one.media_type)) continue;
    if (one.size > kLargestArtifact - sum) {
      return fail(Errc::invalid,
                  fmt::format("{} is larger than the {} that are accepted of a signature or "
                              "statement",
                              about.digest.to_string(), base::human_bytes(kLargestArtifact)));
    }
    sum += one.size;
    const bool is_twin = std::any_of(out.blobs.begin(), out.blobs.end(), [&](const auto& blob) {
      return blob.descriptor.digest == one.digest;
    });
    if (!is_twin) out.blobs.push_back({one, {}});
  }
  TRY(base::parallel_for(
      out.blobs.size(), kParallel, stop_, [&](std::size_t i, std::stop_token inner) -> Result<> {
        release::Blob& blob = out.blobs[i];
        static const oci::Digest kEmptyConfig = oci::Digest::of(oci::kEmptyJson);
        if (blob.descriptor.digest == kEmptyConfig) {
          blob.bytes = "{}";  // nearly every artifact has it
          return {};
        }
        base::StringSink sink(blob.bytes);
        auto task = base::silent_progress().start("", "", std::nullopt);
        return client_.get_blob(image_.repository, blob.descriptor, sink, *task, inner);
      }));
  return out;
}

Result<> RegistryRepository::attach(const release::Artifact& artifact) {
  if (oci::is_index(artifact.manifest.descriptor.media_type)) {
    return fail(Error(Errc::unsupported,
                      fmt::format("{} is an index, which is attached with what it names",
                                  artifact.manifest.descriptor.digest.to_string()))
                    .hint("bring it there first: imgforge copy --referrers"));
  }
  ArtifactOrigin origin(artifact);
  content::Pusher pusher(origin, end_, {}, base::silent_progress(), stop_);
  std::vector<std::string> tags;
  if (artifact.tag) tags.push_back(artifact.tag->to_string());
  return pusher.publish({document_of(artifact.manifest)}, tags);
}

}  // namespace

Result<std::unique_ptr<release::Repository>> open_repository(App& app,
                                                             const oci::RegistryReference& image) {
  registry::Client* client = TRY(app.images().client(image.host));
  return std::unique_ptr<release::Repository>(
      std::make_unique<RegistryRepository>(app, *client, image));
}

Result<std::vector<std::string>> label_image(release::Repository& repository,
                                             const oci::Digest& image,
                                             const std::vector<std::string>& names) {
  auto* harbor = dynamic_cast<HarborRepository*>(repository.harbor());
  if (harbor == nullptr) return std::vector<std::string>();
  return harbor->label(image, names);
}

}  // namespace imgforge::cli
