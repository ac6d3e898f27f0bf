// The store's index.json: which images there are. Written under a lock, so that builds at the same
// time do not lose each other's entries.
#include <algorithm>

#include "base/json.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

constexpr const char* kRefName = "org.opencontainers.image.ref.name";

Result<oci::Index> read_index(const std::string& directory) {
  const std::string file = directory + "/index.json";
  auto index = oci::parse_index(TRY(base::read_file(file)));
  if (!index) return fail(std::move(index.error()).context("reading " + file));
  return index;
}

std::string name_of(const oci::Descriptor& descriptor) {
  const auto found = descriptor.annotations.find(kRefName);
  return found == descriptor.annotations.end() ? "" : found->second;
}

}  // namespace

Result<> Store::put_image(const std::string& name, const oci::Descriptor& manifest) {
  const auto current = TRY(find_image(name));
  oci::Descriptor entry = manifest;
  entry.annotations[kRefName] = name;
  if (current && *current == entry) return {};
  const auto lock =
      TRY(base::FileLock::acquire(state_->path("locks/index"), base::FileLock::Mode::exclusive));
  oci::Index index = TRY(read_index(state_->directory));
  std::erase_if(index.manifests,
                [&](const oci::Descriptor& other) { return name_of(other) == name; });
  index.manifests.push_back(std::move(entry));
  std::sort(index.manifests.begin(), index.manifests.end(),
            [](const auto& a, const auto& b) { return name_of(a) < name_of(b); });
  return base::write_file_atomic(state_->path("index.json"), oci::to_json(index));
}

Result<std::optional<oci::Descriptor>> Store::find_image(const std::string& name) const {
  const oci::Index index = TRY(read_index(state_->directory));
  for (const oci::Descriptor& descriptor : index.manifests) {
    if (name_of(descriptor) == name) return descriptor;
  }
  return std::nullopt;
}

Result<std::vector<std::pair<std::string, oci::Descriptor>>> Store::images() const {
  const oci::Index index = TRY(read_index(state_->directory));
  std::vector<std::pair<std::string, oci::Descriptor>> out;
  for (const oci::Descriptor& descriptor : index.manifests)
    out.emplace_back(name_of(descriptor), descriptor);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

Result<bool> Store::remove_image(const std::string& name) {
  const auto lock =
      TRY(base::FileLock::acquire(state_->path("locks/index"), base::FileLock::Mode::exclusive));
  oci::Index index = TRY(read_index(state_->directory));
  const auto removed = std::erase_if(
      index.manifests, [&](const oci::Descriptor& other) { return name_of(other) == name; });
  if (removed == 0) return false;
  TRY(base::write_file_atomic(state_->path("index.json"), oci::to_json(index)));
  return true;
}

}  // namespace imgforge::store
