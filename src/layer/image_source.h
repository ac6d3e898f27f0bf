// Images in registries, as the layer kinds see them: a name in, verified blobs in the store out. An
// interface, so that kinds know no protocol and no credentials.
#pragma once

#include <stop_token>

#include "base/progress.h"
#include "oci/reference.h"
#include "store/store.h"

namespace imgforge::layer {

/// Safe from several threads.
class ImageSource {
 public:
  virtual ~ImageSource() = default;

  /// Takes the image that the name means now into the store, whole; returns its manifest (of an
  /// index, that for `platform`). Blobs that the store has are not asked for.
  virtual Result<oci::Descriptor> pull(const oci::RegistryReference& image,
                                       const oci::Platform& platform, store::Store& store,
                                       base::Progress& progress, std::stop_token stop) = 0;

  /// Takes one blob of the image's repository into the store, by digest; asks nobody when it is
  /// there.
  virtual Result<> pull_blob(const oci::RegistryReference& image, const oci::Descriptor& blob,
                             store::Store& store, base::ProgressTask& task,
                             std::stop_token stop) = 0;
};

}  // namespace imgforge::layer
