// One layer that can be built: all inputs known, nothing left to decide.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "archive/layer_writer.h"
#include "base/allowance.h"
#include "base/progress.h"
#include "base/time.h"
#include "layer/image_source.h"
#include "sandbox/sandbox.h"
#include "sources/input.h"
#include "store/store.h"

namespace imgforge::layer {

struct BuildContext {
  store::Store& store;
  base::Seconds epoch;
  archive::Encoder encoder;
  std::size_t workers = 0;                 // threads this layer may use beside its own
  base::Allowance& held;                   // what all layers may keep in memory (archive_members.h)
  std::string scratch;                     // a private folder, removed afterwards
  std::string project_directory;           // paths of kind `files` are relative to it
  sandbox::Sandbox* sandbox = nullptr;     // executed kinds
  std::vector<store::BuiltLayer> parents;  // executed kinds: all layers below, lowest first
  /// What this layer became in an earlier, checked build (the lock's record).
  std::optional<store::BuiltLayer> recorded = std::nullopt;
  base::ProgressTask& task;
  std::stop_token stop;
  ImageSource* images = nullptr;  // kind `image` from a registry
};

class Recipe {
 public:
  virtual ~Recipe() = default;

  /// The kind's name and revision are part of it; epoch, encoder and (for executed kinds) the
  /// parents are added by the planner.
  virtual std::string key_material() const = 0;  // canonical JSON
  virtual bool executed() const { return false; }
  /// For tables and history: "torch 2.6.0", "121 Debian packages".
  virtual std::string title() const = 0;
  /// What must be in the store before produce().
  virtual std::vector<sources::Input> inputs() const = 0;
  /// Roughly how many bytes of tar: for order and progress; 0 when unknown.
  virtual std::uint64_t estimated_bytes() const { return 0; }
  /// Set for a layer of a base image: the blob that produce() brings into the store as it is.
  virtual std::optional<oci::Descriptor> base_blob() const { return std::nullopt; }
  /// False for a test step whose changes are thrown away: it runs, and makes no layer.
  virtual bool emits() const { return true; }
  /// True when the files may lie where the dynamic loader's cache looks (deb, redist, …): the image
  /// then needs a finalize layer.
  virtual bool affects_loader_cache() const { return false; }

  virtual Result<store::BuiltLayer> produce(const BuildContext& context) const = 0;
};

/// A recipe that writes entries; opening, hashing, committing the blob is done here.
class WrittenRecipe : public Recipe {
 public:
  Result<store::BuiltLayer> produce(const BuildContext& context) const final;

 protected:
  virtual Result<> write(const BuildContext& context, archive::LayerWriter& out) const = 0;
  /// True when most of the bytes are spliced zip members: with a record, the layer is then a
  /// verified copy.
  virtual bool splices() const { return false; }

 private:
  struct WrittenBlob {
    store::Ingest blob;
    oci::Digest digest;
    archive::LayerDigests digests;
  };
  Result<WrittenBlob> write_blob(const BuildContext& context, bool copy_unseen) const;
};

}  // namespace imgforge::layer
