// The store's index.json: which images there are. Written under a lock, so that builds at the same
// time do not lose each other's entries; read without one, since it is replaced as a whole.
#include <algorithm>

#include "store/index_json.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

Result<oci::Index> read_index(const std::string& file) {
  return base::with_context(oci::parse_index(TRY(base::read_file(file))), "reading " + file);
}

}  // namespace

Result<> Store::put_image(const std::string& name, const oci::Descriptor& manifest) {
  const std::string file = state_->path("index.json");
  const auto change = [&]() -> Result<std::optional<std::string>> {
    return base::with_context(index_with(TRY(base::read_file(file)), name, manifest),
                              "changing " + file);
  };
  if (!TRY(change())) return {};  // the usual case needs no lock
  const auto lock =
      TRY(base::FileLock::acquire(state_->path("locks/index"), base::FileLock::Mode::exclusive));
  if (const auto changed = TRY(change())) return base::write_file_atomic(file, *changed);
  return {};
}

Result<std::optional<oci::Descriptor>> Store::find_image(const std::string& name) const {
  const oci::Index index = TRY(read_index(state_->path("index.json")));
  for (const oci::Descriptor& descriptor : index.manifests) {
    if (ref_name(descriptor) == name) return descriptor;
  }
  return std::nullopt;
}

Result<std::vector<std::pair<std::string, oci::Descriptor>>> Store::images() const {
  const oci::Index index = TRY(read_index(state_->path("index.json")));
  std::vector<std::pair<std::string, oci::Descriptor>> out;
  for (const oci::Descriptor& descriptor : index.manifests)
    out.emplace_back(ref_name(descriptor), descriptor);
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

Result<bool> Store::remove_image(const std::string& name) {
  const std::string file = state_->path("index.json");
  const auto lock =
      TRY(base::FileLock::acquire(state_->path("locks/index"), base::FileLock::Mode::exclusive));
  const auto changed =
      TRY(base::with_context(index_without(TRY(base::read_file(file)), name), "changing " + file));
  if (!changed) return false;
  TRY(base::write_file_atomic(file, *changed));
  return true;
}

}  // namespace imgforge::store
