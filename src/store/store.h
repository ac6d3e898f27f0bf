// The store: an OCI image layout on disk that all builds of a user share, plus the inputs that were
// fetched and the map from layer key to built layer. Everything is content-addressed; ingest is
// atomic (temporary file, verify, sync, rename); a crash leaves at most temporary files, which
// prune removes. Safe for several processes at once.
//
//   DIR/oci-layout, index.json, blobs/sha256/HEX     image-spec v1.1.1, image-layout.md
//   DIR/inputs/sha256/HEX                            fetched inputs (wheels, debs, archives)
//   DIR/layers/KEYHEX.json                           layer key -> built layer
//   DIR/trees/HEX/                                   unpacked layers for executed kinds (by diffID)
//   DIR/locks/, DIR/tmp/
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/progress.h"
#include "oci/image.h"

namespace imgforge::store {

/// sha256 over everything that a layer's bytes depend on.
class LayerKey {
 public:
  static Result<LayerKey> parse(std::string_view hex);
  /// From the canonical text of the key material.
  static LayerKey of(std::string_view material);
  const std::string& to_string() const { return hex_; }
  std::string short_hex() const { return hex_.substr(0, 12); }
  auto operator<=>(const LayerKey&) const = default;

 private:
  explicit LayerKey(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

/// A finished layer: a value whose blob is in the store.
struct BuiltLayer {
  oci::Descriptor blob;
  oci::Digest diff_id;
  std::uint64_t tar_size = 0;
  std::uint64_t entries = 0;
  bool operator==(const BuiltLayer&) const = default;
};

/// Receives the bytes of one new blob or input. Destroying it without commit() leaves nothing.
class Ingest final : public base::Sink {
 public:
  ~Ingest() override;
  Ingest(Ingest&&) noexcept;
  Ingest& operator=(Ingest&&) noexcept;
  /// Hashes while writing.
  Result<> write(base::Bytes bytes) override;
  std::uint64_t written() const;
  /// Syncs and renames to the digest's name. With `expected` (digest and size) a difference is
  /// Errc::mismatch and nothing is kept. Content that is already there is success.
  struct Expected {
    oci::Digest digest;
    std::optional<std::uint64_t> size;
  };
  Result<oci::Digest> commit(const std::optional<Expected>& expected = std::nullopt);
  /// As commit() when the caller hashed the same bytes already and vouches for the digest: nothing
  /// is hashed here (the Ingest must have been made with `hash = false`).
  Result<> commit_hashed(const oci::Digest& digest);

 private:
  friend class Store;
  struct State;
  explicit Ingest(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

struct Usage {
  std::uint64_t blobs = 0, blob_bytes = 0, inputs = 0, input_bytes = 0, layers = 0, trees = 0,
                tree_bytes = 0, temporary_bytes = 0;
};
struct PruneOptions {
  bool dry_run = false;  // removes nothing at all
  bool inputs = false;   // also inputs that no lock in `keep_inputs` names
  std::vector<oci::Digest> keep_inputs;
  /// Removes a folder below trees/ or tmp/ (absolute or relative as the store's own path is). Files
  /// of executed kinds may belong to subordinate ids, which only a user namespace can remove:
  /// sandbox::Sandbox::remove_tree. When unset, base::remove_all.
  std::function<Result<>(const std::string&)> remove_tree;
};
struct PruneReport {
  std::uint64_t files = 0, bytes = 0;
  std::vector<std::string> removed;  // paths relative to the store, sorted
};
struct Damage {
  std::string path;  // relative to the store
  std::string what;  // "its content has digest sha256:...", "it is missing"
};

class Store {
 public:
  /// Creates the folder where needed; refuses a folder that is something else (Errc::invalid), a
  /// newer format (Errc::unsupported), and one that is not writable. An OCI layout becomes a store
  /// and keeps its images.
  static Result<Store> open(const std::string& directory);
  Store(Store&&) noexcept;
  ~Store();
  const std::string& directory() const;

  // Blobs.
  bool has_blob(const oci::Digest& digest) const;
  /// Size on disk, not_found otherwise.
  Result<std::uint64_t> blob_size(const oci::Digest& digest) const;
  std::string blob_path(const oci::Digest& digest) const;
  Result<base::File> open_blob(const oci::Digest& digest) const;
  /// A small blob (documents), digest checked.
  Result<std::string> read_blob(const oci::Digest& digest, std::size_t limit = 64 << 20) const;
  Result<oci::Descriptor> put_document(std::string_view json, const std::string& media_type);
  Result<Ingest> new_blob(std::optional<std::uint64_t> expected_size = std::nullopt,
                          bool hash = true);

  // Inputs, by sha256.
  bool has_input(const oci::Digest& digest) const;
  std::string input_path(const oci::Digest& digest) const;
  Result<base::File> open_input(const oci::Digest& digest) const;
  Result<Ingest> new_input(std::optional<std::uint64_t> expected_size = std::nullopt);
  /// Takes a copy of a file of this machine; verified.
  Result<> adopt_input(const std::string& file, const oci::Digest& digest, std::uint64_t size);

  // Layers.
  /// nullopt when unknown, when its blob is gone or has another size. Removes nothing.
  Result<std::optional<BuiltLayer>> find_layer(const LayerKey& key) const;
  Result<> put_layer(const LayerKey& key, const BuiltLayer& layer);
  /// One builder per key: waits while another process or thread builds the same layer. After
  /// waiting call find_layer again.
  Result<base::FileLock> lock_layer(const LayerKey& key,
                                    const std::function<void()>& on_wait = {}) const;

  // Images: entries of index.json, named by "org.opencontainers.image.ref.name".
  Result<> put_image(const std::string& name, const oci::Descriptor& manifest);
  Result<std::optional<oci::Descriptor>> find_image(const std::string& name) const;
  Result<std::vector<std::pair<std::string, oci::Descriptor>>> images() const;  // sorted by name
  Result<bool> remove_image(const std::string& name);

  // Scratch and trees.
  Result<base::TempDir> scratch(const std::string& prefix) const;  // DIR/tmp/prefix-XXXXXX
  std::string tree_path(const oci::Digest& diff_id) const;

  // Upkeep. A build holds a shared lock while it runs (hold()), prune takes it exclusively and
  // refuses to wait.
  Result<base::FileLock> hold() const;
  Result<Usage> usage() const;
  /// Removes what no image reaches: blobs, layer records, trees, and everything temporary. A record
  /// stays while an image has its blob, a tree while its record stays. Errc::refused while somebody
  /// holds the store; Errc::mismatch, removing nothing, when an image's manifest cannot be read:
  /// what it needs is not known then.
  Result<PruneReport> prune(const PruneOptions& options);
  /// Reads and hashes all blobs and inputs; damaged files are reported, and moved to tmp/ when
  /// `quarantine`, so that the next build makes or fetches them again. Holds the store meanwhile.
  Result<std::vector<Damage>> verify(bool quarantine, base::Progress& progress,
                                     std::stop_token stop);

 private:
  struct State;
  explicit Store(std::unique_ptr<State> state);
  Result<Ingest> open_ingest(const std::string& folder, std::optional<std::uint64_t> expected_size,
                             bool hash) const;
  std::unique_ptr<State> state_;
};

}  // namespace imgforge::store
