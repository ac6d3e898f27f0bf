// Collection: what no image reaches goes. Runs only while nobody builds.
#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "oci/graph.h"
#include "store/store_state.h"

namespace imgforge::store {
namespace {

struct Size {
  std::uint64_t files = 0, bytes = 0;
};

Size size_of(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return {};
  if (!S_ISDIR(status.st_mode)) return {1, static_cast<std::uint64_t>(status.st_size)};
  Size total;
  if (const auto names = base::list_directory(path)) {
    for (const std::string& name : *names) {
      const Size one = size_of(path + "/" + name);
      total.files += one.files;
      total.bytes += one.bytes;
    }
  }
  return total;
}

// Every digest that can be reached from an image, depth first. An index may name manifests that
// are not here (other platforms); an image whose own manifest cannot be read stops everything,
// since nobody knows which layers it needs.
Result<> mark(const Store& store, const oci::Descriptor& descriptor, bool root,
              std::set<oci::Digest>& reached) {
  if (!reached.insert(descriptor.digest).second) return {};
  if (!oci::is_index(descriptor.media_type) && !oci::is_manifest(descriptor.media_type)) return {};
  const auto text = store.read_blob(descriptor.digest);
  if (!text && text.error().code() == Errc::not_found && !root) return {};
  if (!text) {
    return fail(Error(Errc::mismatch, "its manifest cannot be read: " + text.error().message()));
  }
  for (const oci::Descriptor& child : TRY(oci::successors(descriptor.media_type, *text))) {
    TRY(mark(store, child, false, reached));
  }
  return {};
}

Result<std::set<oci::Digest>> mark_images(const Store& store) {
  std::set<oci::Digest> reached;
  for (const auto& [name, descriptor] : TRY(store.images())) {
    if (auto marked = mark(store, descriptor, true, reached); !marked) {
      return fail(std::move(marked.error())
                      .context("looking at the image '" + name + "'")
                      .hint("build it again, or forget it: imgforge cache prune --image " + name));
    }
  }
  return reached;
}

class Sweep {
 public:
  using Remove = std::function<Result<>(const std::string&)>;
  Sweep(std::string directory, bool dry_run)
      : directory_(std::move(directory)), dry_run_(dry_run) {}

  /// `remove_folder` is asked for folders only.
  Result<> remove(const std::string& relative, const Remove& remove_folder) {
    const std::string path = directory_ + "/" + relative;
    const Size size = size_of(path);
    if (!dry_run_) TRY(base::is_directory(path) ? remove_folder(path) : base::remove_all(path));
    report_.files += size.files;
    report_.bytes += size.bytes;
    report_.removed.push_back(relative);
    return {};
  }

  /// Removes every name in a folder that `keep` does not want.
  Result<> folder(const std::string& relative, const std::function<bool(const std::string&)>& keep,
                  const Remove& remove_folder = base::remove_all) {
    for (const std::string& name : TRY(base::list_directory(directory_ + "/" + relative))) {
      if (!keep(name)) TRY(remove(relative.empty() ? name : relative + "/" + name, remove_folder));
    }
    return {};
  }

  PruneReport take() {
    std::sort(report_.removed.begin(), report_.removed.end());
    return std::move(report_);
  }

 private:
  std::string directory_;
  bool dry_run_;
  PruneReport report_;
};

}  // namespace

Result<PruneReport> Store::prune(const PruneOptions& options) {
  const auto lock =
      TRY(base::FileLock::try_acquire(state_->path("locks/hold"), base::FileLock::Mode::exclusive));
  if (!lock) {
    return fail(Error(Errc::refused, "a build is running in this store")
                    .hint("wait for it to end, then prune again"));
  }
  const std::set<oci::Digest> reached = TRY(mark_images(*this));
  std::set<std::string> kept_blobs, kept_records, kept_trees;
  for (const oci::Digest& digest : reached) kept_blobs.insert(digest.hex());
  for (const std::string& name : TRY(base::list_directory(state_->path("layers")))) {
    const auto key = LayerKey::parse(name.substr(0, name.find('.')));
    if (!key || name != key->to_string() + ".json") continue;  // of an interrupted write
    const auto layer = TRY(find_layer(*key));
    if (!layer || !reached.contains(layer->blob.digest)) continue;
    kept_records.insert(name);
    kept_trees.insert(layer->diff_id.hex());
  }
  const Sweep::Remove remove_tree = options.remove_tree ? options.remove_tree : base::remove_all;
  Sweep sweep(state_->directory, options.dry_run);
  const auto in = [](const std::set<std::string>& set) {
    return [&set](const std::string& name) { return set.contains(name); };
  };
  // Records first: one without its blob would promise what is not there.
  TRY(sweep.folder("layers", in(kept_records)));
  TRY(sweep.folder("blobs/sha256", in(kept_blobs)));
  TRY(sweep.folder("trees", in(kept_trees), remove_tree));
  TRY(sweep.folder(
      "tmp", [](const std::string&) { return false; }, remove_tree));
  if (options.inputs) {
    std::set<std::string> kept_inputs;
    for (const oci::Digest& digest : options.keep_inputs) kept_inputs.insert(digest.hex());
    TRY(sweep.folder("inputs/sha256", in(kept_inputs)));
  }
  // What an interrupted write of index.json left.
  TRY(sweep.folder("", [](const std::string& name) { return name.find(".tmp-") == name.npos; }));
  TRY(sweep.folder("locks", [](const std::string& name) { return !name.starts_with("layer-"); }));
  return sweep.take();
}

Result<Usage> Store::usage() const {
  Usage usage;
  const auto count = [&](const char* folder, std::uint64_t& number,
                         std::uint64_t* bytes) -> Result<> {
    for (const std::string& name : TRY(base::list_directory(state_->path(folder)))) {
      ++number;
      if (bytes != nullptr) *bytes += size_of(state_->path(std::string(folder) + "/" + name)).bytes;
    }
    return {};
  };
  std::uint64_t ignored = 0;
  TRY(count("blobs/sha256", usage.blobs, &usage.blob_bytes));
  TRY(count("inputs/sha256", usage.inputs, &usage.input_bytes));
  TRY(count("layers", usage.layers, nullptr));
  TRY(count("trees", usage.trees, &usage.tree_bytes));
  TRY(count("tmp", ignored, &usage.temporary_bytes));
  return usage;
}

}  // namespace imgforge::store
