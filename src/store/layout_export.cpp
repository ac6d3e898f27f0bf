#include <sys/stat.h>

#include <algorithm>

#include "store/export.h"
#include "store/image_blobs.h"
#include "store/index_json.h"

namespace imgforge::store {
namespace {

Result<> check_layout_folder(const std::string& directory) {
  if (!base::exists(directory) || base::exists(directory + "/oci-layout")) return {};
  if (TRY(base::list_directory(directory)).empty()) return {};
  return fail(Error(Errc::invalid, directory + " is not an OCI layout and not empty")
                  .hint("name a new folder, or an OCI layout"));
}

// The layout's own oci-layout is what two exports lock, so that no other file has to lie there. It
// is written in place, under the lock; what makes a layout of the folder is index.json, which comes
// last.
Result<base::FileLock> lock_layout(const std::string& directory) {
  const std::string file = directory + "/oci-layout";
  auto lock = TRY(base::FileLock::acquire(file, base::FileLock::Mode::exclusive));
  if (TRY(base::file_size(file)) == 0) {
    base::File opened = TRY(base::File::open_or_create(file));
    if (::fchmod(opened.fd(), 0644) != 0)
      return fail(base::io_error("cannot set the mode of " + file));
    TRY(opened.write(base::as_bytes(kOciLayout)));
    TRY(opened.close());
  }
  return lock;
}

Result<> place_blob(const Store& store, const oci::Descriptor& blob, const std::string& target) {
  const auto size = base::file_size(target);
  if (size && *size == blob.size) return {};
  if (base::exists(target)) TRY(base::remove_all(target));  // cut short, or a link to nothing
  return base::link_or_copy(store.blob_path(blob.digest), target);
}

}  // namespace

Result<> export_layout(const Store& store, const oci::Descriptor& manifest,
                       const std::string& directory, const std::string& name,
                       base::Progress& progress, std::stop_token stop) {
  TRY(check_layout_folder(directory));
  const auto blobs = TRY(blobs_of(store, manifest));
  std::uint64_t total = 0;
  for (const oci::Descriptor& blob : blobs) total += blob.size;
  const std::string folder = directory + "/blobs/sha256";
  TRY(base::make_directories(directory));
  const auto lock = TRY(lock_layout(directory));
  TRY(base::make_directories(folder));
  auto task = progress.start("write", directory, total);
  // Children before parents: a reader never meets a manifest whose layers are not there.
  for (auto blob = blobs.rbegin(); blob != blobs.rend(); ++blob) {
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    TRY(place_blob(store, *blob, folder + "/" + blob->digest.hex()));
    task->advance(blob->size);
  }
  const std::string file = directory + "/index.json";
  const std::string index = base::exists(file) ? TRY(base::read_file(file)) : empty_index();
  const auto changed =
      TRY(base::with_context(index_with(index, name, manifest), "changing " + file));
  if (changed) TRY(base::write_file_atomic(file, *changed));
  task->finish("written");
  return {};
}

}  // namespace imgforge::store
