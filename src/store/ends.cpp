#include "store/ends.h"

#include <algorithm>

#include "store/image_blobs.h"
#include "store/layout_reading.h"

namespace imgforge::store {
namespace {

bool was_resumed(const Error& error) {
  return std::any_of(error.facts().begin(), error.facts().end(),
                     [](const auto& fact) { return fact.first == "resumed"; });
}

// A digest, or the name of an entry.
Result<content::Document> resolve_in(const std::string& directory, const std::string& reference) {
  if (const auto digest = oci::Digest::parse(reference)) return read_document(directory, *digest);
  const oci::Index index = TRY(read_layout_index(directory));
  return read_document(directory, TRY(pick_image(index, reference, directory)).digest);
}

}  // namespace

Result<content::Document> StoreEnd::resolve(const std::string& reference, std::stop_token) {
  return resolve_in(store_.directory(), reference);
}

Result<content::Document> StoreEnd::document(const oci::Descriptor& wanted, std::stop_token) {
  return read_document(store_.directory(), wanted.digest);
}

Result<std::unique_ptr<base::RandomAccess>> StoreEnd::open_blob(const oci::Descriptor& blob,
                                                                std::stop_token) {
  return open_layout_blob(store_.directory(), blob);
}

Result<> StoreEnd::read_blob(const oci::Descriptor& blob, base::Sink& sink,
                             base::ProgressTask& task, std::stop_token stop) {
  return copy_layout_blob(store_.directory(), blob, sink, task, std::move(stop));
}

Result<std::vector<oci::Descriptor>> StoreEnd::referrers(const oci::Digest& subject,
                                                         std::stop_token) {
  return entries_with_subject(store_.directory(), TRY(read_layout_index(store_.directory())),
                              subject);
}

Result<std::optional<oci::Descriptor>> StoreEnd::find(const std::string& tag, std::stop_token) {
  return store_.find_image(tag);
}

Result<bool> StoreEnd::has_blob(const oci::Descriptor& blob, std::stop_token) {
  if (!store_.has_blob(blob.digest)) return false;
  const auto size = store_.blob_size(blob.digest);
  return size && *size == blob.size;
}

Result<bool> StoreEnd::has_document(const oci::Descriptor& document, std::stop_token) {
  return blobs_of(store_, document).has_value();
}

Result<content::Taken> StoreEnd::take_blob(const oci::Descriptor& blob, content::Origin& origin,
                                           const content::Ways& ways, base::ProgressTask& task,
                                           std::stop_token stop) {
  if (!ways.again && TRY(has_blob(blob, stop))) return content::Taken::there;
  for (bool again = false;; again = true) {
    Ingest ingest = TRY(store_.new_blob(blob.size, /*hash=*/false));
    auto done = origin.read_blob(blob, ingest, task, stop);
    if (done) {
      TRY(ingest.commit_hashed(blob.digest));
      return content::Taken::sent;
    }
    // Two halves of two answers: once more, in one piece.
    if (again || done.error().code() != Errc::mismatch || !was_resumed(done.error())) {
      return fail(std::move(done.error()));
    }
    task.set_phase("again, in one piece");
  }
}

Result<> StoreEnd::put_document(const content::Document& document, std::stop_token) {
  TRY(store_.put_document(document.bytes, document.descriptor.media_type));
  const auto manifest = oci::parse_manifest(document.bytes);
  if (!manifest || !manifest->subject) return {};
  return store_.put_image("", document.descriptor);
}

Result<> StoreEnd::tag(const content::Document& document, const std::string& tag, std::stop_token) {
  TRY(store_.put_document(document.bytes, document.descriptor.media_type));
  return store_.put_image(tag, document.descriptor);
}

Result<content::Document> LayoutOrigin::resolve(const std::string& reference, std::stop_token) {
  return resolve_in(directory_, reference);
}

Result<content::Document> LayoutOrigin::document(const oci::Descriptor& wanted, std::stop_token) {
  return read_document(directory_, wanted.digest);
}

Result<std::unique_ptr<base::RandomAccess>> LayoutOrigin::open_blob(const oci::Descriptor& blob,
                                                                    std::stop_token) {
  return open_layout_blob(directory_, blob);
}

Result<> LayoutOrigin::read_blob(const oci::Descriptor& blob, base::Sink& sink,
                                 base::ProgressTask& task, std::stop_token stop) {
  return copy_layout_blob(directory_, blob, sink, task, std::move(stop));
}

Result<std::vector<oci::Descriptor>> LayoutOrigin::referrers(const oci::Digest& subject,
                                                             std::stop_token) {
  return entries_with_subject(directory_, TRY(read_layout_index(directory_)), subject);
}

}  // namespace imgforge::store
