#include <algorithm>
#include <set>

#include "oci/graph.h"
#include "store/export.h"
#include "store/image_blobs.h"

namespace imgforge::store {
namespace {

Result<> collect(const Store& store, const oci::Descriptor& descriptor, std::set<oci::Digest>& seen,
                 std::vector<oci::Descriptor>& out) {
  if (!seen.insert(descriptor.digest).second) return {};
  out.push_back(descriptor);
  if (!oci::is_index(descriptor.media_type) && !oci::is_manifest(descriptor.media_type)) return {};
  const std::string text = TRY(store.read_blob(descriptor.digest));
  for (const oci::Descriptor& child : TRY(oci::successors(descriptor.media_type, text))) {
    TRY(collect(store, child, seen, out));
  }
  return {};
}

Result<oci::Index> index_of(const std::string& file) {
  if (!base::exists(file)) return oci::Index{};
  auto index = oci::parse_index(TRY(base::read_file(file)));
  if (!index) return fail(std::move(index.error()).context("reading " + file));
  return index;
}

Result<> check_layout_folder(const std::string& directory) {
  if (!base::exists(directory) || base::exists(directory + "/oci-layout")) return {};
  if (TRY(base::list_directory(directory)).empty()) return {};
  return fail(Error(Errc::invalid, directory + " is not an OCI layout and not empty")
                  .hint("name a new folder, or an OCI layout"));
}

}  // namespace

Result<std::vector<oci::Descriptor>> blobs_of(const Store& store, const oci::Descriptor& root) {
  std::set<oci::Digest> seen;
  std::vector<oci::Descriptor> out;
  TRY(collect(store, root, seen, out));
  return out;
}

std::string single_index(const oci::Descriptor& manifest, const std::string& name) {
  oci::Index index;
  index.manifests.push_back(manifest);
  if (!name.empty()) index.manifests[0].annotations[kRefName] = name;
  return oci::to_json(index);
}

Result<> export_layout(const Store& store, const oci::Descriptor& manifest,
                       const std::string& directory, const std::string& name,
                       base::Progress& progress, std::stop_token stop) {
  TRY(check_layout_folder(directory));
  const auto blobs = TRY(blobs_of(store, manifest));
  std::uint64_t total = 0;
  for (const oci::Descriptor& blob : blobs) total += blob.size;
  const std::string folder = directory + "/blobs/sha256";
  TRY(base::make_directories(folder));
  auto task = progress.start("write", directory, total);
  // Children before parents: a reader never meets a manifest whose layers are not there.
  for (auto blob = blobs.rbegin(); blob != blobs.rend(); ++blob) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const std::string target = folder + "/" + blob->digest.hex();
    const auto size = base::file_size(target);
    if (!size || *size != blob->size) {
      if (size) TRY(base::remove_all(target));
      TRY(base::link_or_copy(store.blob_path(blob->digest), target));
    }
    task->advance(blob->size);
  }
  if (!base::exists(directory + "/oci-layout")) {
    TRY(base::write_file_atomic(directory + "/oci-layout", kOciLayout));
  }
  const std::string index_file = directory + "/index.json";
  const auto lock =
      TRY(base::FileLock::acquire(directory + "/.imgforge-lock", base::FileLock::Mode::exclusive));
  oci::Index index = TRY(index_of(index_file));
  oci::Descriptor entry = manifest;
  if (!name.empty()) entry.annotations[kRefName] = name;
  const auto same_name = [&](const oci::Descriptor& other) {
    const auto found = other.annotations.find(kRefName);
    return (found == other.annotations.end() ? "" : found->second) == name;
  };
  if (std::find(index.manifests.begin(), index.manifests.end(), entry) == index.manifests.end()) {
    std::erase_if(index.manifests, same_name);
    index.manifests.push_back(std::move(entry));
    TRY(base::write_file_atomic(index_file, oci::to_json(index)));
  }
  task->finish("written");
  return {};
}

}  // namespace imgforge::store
