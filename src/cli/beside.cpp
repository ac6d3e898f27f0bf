#include "cli/beside.h"

#include <fmt/format.h>

#include "base/task_group.h"
#include "oci/artifact.h"
#include "oci/graph.h"
#include "oci/image.h"

namespace imgforge::cli {
namespace {

constexpr std::size_t kParallel = 8;
/// Writers of one tag that come in between; more at the same time is no accident.
constexpr int kAttempts = 5;

// Of the artifact itself and not of the way to it: the others can still speak.
bool is_damage(Errc code) {
  return code == Errc::mismatch || code == Errc::invalid || code == Errc::not_found ||
         code == Errc::unsupported || code == Errc::protocol;
}

/// Whether verifying wants to see the contents. What is signed in a form unknown here needs none:
/// its manifest is enough to say so.
bool has_contents(const release::Artifact& artifact) {
  if (oci::is_index(artifact.manifest.descriptor.media_type)) return false;
  const auto manifest = oci::parse_manifest(artifact.manifest.bytes);
  if (!manifest) return false;
  const auto form = sign::recognise(*manifest);
  return form && form->has_value();
}

Result<std::optional<sign::Artifact>> read_tag(release::Repository& repository,
                                               const oci::Tag& tag) {
  const auto descriptor = TRY(repository.resolve(tag));
  if (!descriptor) return std::nullopt;
  release::Artifact artifact{
      .manifest = TRY(repository.manifest(descriptor->digest)), .blobs = {}, .tag = tag};
  return to_sign(TRY(repository.fetch(artifact)));
}

Result<bool> names(release::Repository& repository, const oci::Tag& tag,
                   const std::optional<oci::Digest>& digest) {
  const auto descriptor = TRY(repository.resolve(tag));
  return (descriptor ? std::optional(descriptor->digest) : std::nullopt) == digest;
}

}  // namespace

sign::Artifact to_sign(const release::Artifact& artifact) {
  sign::Artifact out;
  out.manifest = artifact.manifest.bytes;
  out.media_type = artifact.manifest.descriptor.media_type;
  for (const release::Blob& blob : artifact.blobs) out.blobs.push_back(blob.bytes);
  out.tag = artifact.tag;
  return out;
}

Result<release::Artifact> to_release(const sign::Artifact& artifact) {
  const oci::Manifest manifest = TRY(oci::parse_manifest(artifact.manifest));
  release::Artifact out{
      .manifest = {oci::describe(artifact.media_type, artifact.manifest), artifact.manifest},
      .blobs = {},
      .tag = artifact.tag};
  const auto add = [&](const oci::Descriptor& descriptor) -> Result<> {
    const std::string_view content = TRY(artifact.blob(descriptor));
    out.blobs.push_back({descriptor, std::string(content)});
    return {};
  };
  if (manifest.config) TRY(add(*manifest.config));
  for (const oci::Descriptor& layer : manifest.layers) TRY(add(layer));
  return out;
}

Result<Beside> fetch_beside(release::Repository& repository, const oci::Digest& image,
                            std::stop_token stop) {
  const std::vector<release::Artifact> listed = TRY(repository.artifacts(image));
  std::vector<std::optional<sign::Artifact>> fetched(listed.size());
  std::vector<std::optional<Error>> damaged(listed.size());
  TRY(base::parallel_for(listed.size(), kParallel, stop,
                         [&](std::size_t i, std::stop_token) -> Result<> {
                           if (!has_contents(listed[i])) {
                             fetched[i] = to_sign(listed[i]);
                             return {};
                           }
                           auto artifact = repository.fetch(listed[i]);
                           if (artifact) {
                             fetched[i] = to_sign(*artifact);
                           } else if (is_damage(artifact.error().code())) {
                             damaged[i] = std::move(artifact.error());
                           } else {
                             return fail(std::move(artifact.error()));
                           }
                           return {};
                         }));
  Beside beside;
  for (std::size_t i = 0; i < listed.size(); ++i) {
    if (fetched[i]) beside.artifacts.push_back(*std::move(fetched[i]));
    if (damaged[i]) {
      beside.unreadable.push_back({listed[i].manifest.descriptor.digest, *std::move(damaged[i])});
    }
  }
  return beside;
}

Result<bool> append_to_tag(release::Repository& repository, const oci::Tag& tag,
                           const Append& append) {
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    const auto existing = TRY(read_tag(repository, tag));
    const sign::Artifact wanted = TRY(append(existing ? &*existing : nullptr));
    if (existing && existing->manifest == wanted.manifest) return attempt > 1;
    const auto before = existing ? std::optional(existing->digest()) : std::nullopt;
    const release::Artifact artifact = TRY(to_release(wanted));
    if (!TRY(names(repository, tag, before))) continue;
    TRY(repository.attach(artifact));
    if (TRY(names(repository, tag, wanted.digest()))) return true;
  }
  return fail(Error(Errc::unavailable, fmt::format("others write {} in {} all the time",
                                                   tag.to_string(), repository.name()))
                  .hint("run it again: what is there already is kept"));
}

}  // namespace imgforge::cli
