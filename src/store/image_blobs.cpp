#include "store/image_blobs.h"

#include <fmt/format.h>

#include <set>

#include "oci/graph.h"

namespace imgforge::store {
namespace {

constexpr const char* kBuildAgain = "imgforge cache verify --quarantine, then build again";

Result<> check_there(const Store& store, const oci::Descriptor& blob) {
  const auto size = store.blob_size(blob.digest);
  if (!size && size.error().code() == Errc::not_found) {
    return fail(
        Error(Errc::not_found, fmt::format("the image needs {}, which is not in the store {}",
                                           blob.digest.to_string(), store.directory()))
            .hint("build or pull the image again"));
  }
  if (!size) return fail(size.error());
  if (*size != blob.size) {
    return fail(Error(Errc::mismatch,
                      fmt::format("the blob {} in the store has {} bytes, the image says {}",
                                  blob.digest.to_string(), *size, blob.size))
                    .hint(kBuildAgain));
  }
  return {};
}

Result<> collect(const Store& store, const oci::Descriptor& descriptor, std::set<oci::Digest>& seen,
                 std::vector<oci::Descriptor>& out) {
  if (!seen.insert(descriptor.digest).second) return {};
  TRY(check_there(store, descriptor));
  out.push_back(descriptor);
  if (!oci::is_index(descriptor.media_type) && !oci::is_manifest(descriptor.media_type)) return {};
  const std::string text = TRY(store.read_blob(descriptor.digest));
  for (const oci::Descriptor& child : TRY(oci::successors(descriptor.media_type, text))) {
    TRY(collect(store, child, seen, out));
  }
  return {};
}

}  // namespace

Result<std::vector<oci::Descriptor>> blobs_of(const Store& store, const oci::Descriptor& root) {
  std::set<oci::Digest> seen;
  std::vector<oci::Descriptor> out;
  TRY(collect(store, root, seen, out));
  return out;
}

}  // namespace imgforge::store
