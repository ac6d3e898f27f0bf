#include "registry/pull.h"

#include <fmt/format.h>

#include <set>

#include "base/task_group.h"
#include "content/platform_choice.h"
#include "oci/graph.h"
#include "registry/manifest_type.h"
#include "registry/repository.h"
#include "store/ends.h"

namespace imgforge::registry {
namespace {

/// Indexes of indexes are legal; deeper than this they are a trap.
constexpr int kDeepestIndex = 3;

bool has(const store::Store& store, const oci::Descriptor& blob) {
  if (!store.has_blob(blob.digest)) return false;
  const auto size = store.blob_size(blob.digest);
  return size && *size == blob.size;
}

std::string show(const oci::RegistryReference& reference) {
  std::string name = reference.host + "/" + reference.repository;
  if (reference.tag) name += ":" + reference.tag->to_string();
  if (reference.digest) name += "@" + reference.digest->to_string();
  return name;
}

// The document that the reference means: from the store where its digest is known and it is there.
Result<RawManifest> get_document(Client& client, const oci::RegistryReference& reference,
                                 const store::Store& store, std::stop_token stop) {
  if (!reference.digest || !store.has_blob(*reference.digest)) {
    return client.get_manifest(reference, stop);
  }
  std::string bytes = TRY(store.read_blob(*reference.digest));
  std::string type = TRY(manifest_type(bytes, "", show(reference)));
  return RawManifest{
      {.media_type = std::move(type), .digest = *reference.digest, .size = bytes.size()},
      std::move(bytes)};
}

}  // namespace

Result<> pull_blob(Client& client, const std::string& repository, const oci::Descriptor& blob,
                   store::Store& store, base::ProgressTask& task, std::stop_token stop) {
  Repository from(client, repository);
  store::StoreEnd shelf(store);
  TRY(shelf.take_blob(blob, from, {}, task, std::move(stop)));
  return {};
}

Result<oci::Descriptor> pull_image(Client& client, const oci::RegistryReference& reference,
                                   const oci::Platform& platform, store::Store& store,
                                   std::size_t parallel, base::Progress& progress,
                                   std::stop_token stop) {
  RawManifest document = TRY(get_document(client, reference, store, stop));
  std::vector<RawManifest> indexes;
  while (oci::is_index(document.descriptor.media_type)) {
    if (indexes.size() == kDeepestIndex) {
      return fail(Errc::unsupported, fmt::format("the index of {} names indexes more than {} deep",
                                                 show(reference), kDeepestIndex));
    }
    const auto index = TRY(base::with_context(oci::parse_index(document.bytes),
                                              "reading the index of " + show(reference)));
    const auto chosen = TRY(content::choose_platform(index, platform, show(reference)));
    indexes.push_back(std::move(document));
    oci::RegistryReference next = reference;
    next.tag.reset();
    next.digest = chosen.digest;
    document = TRY(get_document(client, next, store, stop));
    if (document.descriptor.size != chosen.size ||
        document.descriptor.media_type != chosen.media_type) {
      return fail(
          Errc::mismatch,
          fmt::format("the index of {} describes {} as {} of {} bytes, and it is {} of {}",
                      show(reference), chosen.digest.to_string(), chosen.media_type, chosen.size,
                      document.descriptor.media_type, document.descriptor.size));
    }
  }
  std::vector<oci::Descriptor> blobs;
  std::set<oci::Digest> seen;
  for (oci::Descriptor& blob :
       TRY(base::with_context(oci::successors(document.descriptor.media_type, document.bytes),
                              "reading the manifest of " + show(reference)))) {
    if (seen.insert(blob.digest).second && !has(store, blob)) blobs.push_back(std::move(blob));
  }
  TRY(base::parallel_for(
      blobs.size(), parallel, stop, [&](std::size_t i, std::stop_token inner) -> Result<> {
        const std::string name =
            fmt::format("{} {}", reference.repository, blobs[i].digest.short_hex());
        auto task = progress.start("pull", name, blobs[i].size);
        TRY(pull_blob(client, reference.repository, blobs[i], store, *task, inner));
        task->finish("pulled");
        return {};
      }));
  const auto kept = TRY(store.put_document(document.bytes, document.descriptor.media_type));
  for (auto index = indexes.rbegin(); index != indexes.rend(); ++index) {
    TRY(store.put_document(index->bytes, index->descriptor.media_type));
  }
  return kept;
}

}  // namespace imgforge::registry
