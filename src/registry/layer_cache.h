// The layer cache that machines share through a registry: which blob is the layer of a key. One
// small artifact per layer, under a tag made of the key, in the repository that has the blob
// (docs/formats/registry-cache.md). A machine with an empty disk learns with one request per layer
// what it need not build, and writes a manifest for layers that it never had.
//
// Whoever may push to the repository may write entries: an entry is as trustworthy as they are.
#pragma once

#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "registry/client.h"
#include "store/store.h"

namespace imgforge::registry {

class LayerCache {
 public:
  /// Borrows the client.
  LayerCache(Client& client, std::string repository)
      : client_(client), repository_(std::move(repository)) {}
  const std::string& repository() const { return repository_; }

  /// By index of `keys`: nullopt where there is no entry, or none that is sound. At most `parallel`
  /// requests at once, one for each key.
  Result<std::vector<std::optional<store::BuiltLayer>>> find(
      const std::vector<store::LayerKey>& keys, std::size_t parallel, std::stop_token stop);
  /// The layer's blob is in the repository. The first entry of a key stays: false if there was one.
  Result<bool> put(const store::LayerKey& key, const store::BuiltLayer& layer,
                   std::stop_token stop);

 private:
  Result<> bring_config(std::stop_token stop);
  Client& client_;
  std::string repository_;
  std::mutex config_mutex_;
  bool config_is_there_ = false;  // under the mutex
};

/// The tag of a key's entry.
oci::Tag layer_cache_tag(const store::LayerKey& key);
/// The entry as a document, and back; nullopt for one that is not that key's, or damaged.
RawManifest layer_cache_entry(const store::LayerKey& key, const store::BuiltLayer& layer);
std::optional<store::BuiltLayer> read_layer_cache_entry(const store::LayerKey& key,
                                                        const std::string& manifest);

}  // namespace imgforge::registry
