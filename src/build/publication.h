// A build on its way into a registry while it runs: what is there is not built, finished layers leave
// while later ones are still being made, and the build tag is written last. A build tag is written
// once: as soon as it is certain that another image has it, the build is refused.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "build/assemble.h"
#include "build/plan.h"
#include "build/resolve.h"
#include "content/pusher.h"
#include "registry/layer_cache.h"

namespace imgforge::build {

struct BuiltImage;  // build.h

/// A repository of a registry, its layer cache, and how to go there. All pointers are borrowed.
struct Destination {
  content::Target* target = nullptr;
  registry::LayerCache* cache = nullptr;  // entries are looked up and written; null: neither
  content::Target* cache_target = nullptr;  // the cache's repository, where it is another one
  /// All tags of the repository; needed for bump.
  std::function<Result<std::vector<std::string>>(std::stop_token)> tags;
  /// Called with the image in the registry under its digest, before any tag: signatures and
  /// evidence. `present`: the tag names it already.
  std::function<Result<>(const BuiltImage& image, bool present)> before_tags;
  bool needs_layers = false;  // before_tags reads them: unless present, they come into the store
  std::vector<std::string> mount_from;  // as content::Pusher::Options
  std::size_t parallel = 6;
};

struct Published {
  std::string tag;
  bool present = false;  // the tag named this image before
  content::Moved moved;
  std::size_t layers_found = 0;  // layers that were there and never came to this machine
  std::size_t cache_entries = 0;  // written
};

class Publication {
 public:
  Publication(const Destination& destination, const Workplace& place);

  /// What the tag names now, and what that says of itself. Errc::refused when `spec` and `lock`
  /// cannot give that image.
  Result<> look_at(const release::BuildTag& tag, const std::string& spec_digest,
                   const std::string& lock_identity);
  /// The same without a refusal: for builds whose tag is still open. Nothing is sent before
  /// publish() when the tag names an image of this spec and lock.
  Result<> compare_with(const release::BuildTag& tag, const std::string& spec_digest,
                        const std::string& lock_identity);
  const std::optional<oci::Descriptor>& existing() const { return existing_; }

  /// Sets LayerState::elsewhere for layers that need not be built: by the lock's records, and by the
  /// layer cache.
  Result<> find_layers(const Plan& plan, std::vector<LayerState>& states);

  /// A finished layer may leave. From any thread.
  void offer(const oci::Descriptor& layer);
  /// A layer that is in the registry into the store. From any thread.
  Result<> bring(const oci::Descriptor& layer, std::stop_token stop);

  /// Everything that lacks, the manifest by digest, Destination::before_tags, then the tag.
  /// Errc::refused when the tag names another image by now.
  Result<Published> publish(const BuiltImage& image, const AssembledImage& documents);

 private:
  Result<std::size_t> write_cache(const BuiltImage& image);

  const Destination& destination_;
  const Workplace& place_;
  std::unique_ptr<content::Target> store_;
  std::unique_ptr<content::Pusher> pusher_;
  std::optional<oci::Descriptor> existing_;
  bool hold_ = false;  // nothing is sent while the build runs
};

}  // namespace imgforge::build
