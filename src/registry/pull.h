// Images out of a registry into the store. Blobs that the store has are not asked for; what was
// taken stays when something fails later, and documents are kept only after what they name.
#pragma once

#include <stop_token>
#include <string>

#include "base/progress.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "store/store.h"

namespace imgforge::registry {

/// Takes one blob into the store, verified. Asks nobody when it is there.
Result<> pull_blob(Client& client, const std::string& repository, const oci::Descriptor& blob,
                   store::Store& store, base::ProgressTask& task, std::stop_token stop);

/// Takes the image into the store: configuration and layers, `parallel` at a time, then the
/// manifest, which is returned; of an index, the one for `platform`, and the index beside it. An
/// image by digest that the store has whole needs no registry.
Result<oci::Descriptor> pull_image(Client& client, const oci::RegistryReference& reference,
                                   const oci::Platform& platform, store::Store& store,
                                   std::size_t parallel, base::Progress& progress,
                                   std::stop_token stop);

}  // namespace imgforge::registry
