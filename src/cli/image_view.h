// An image that exists: by name in the store, in a layout folder, in an archive file, or in a
// registry.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/app.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace imgforge::cli {

struct ImageView {
  std::string name;       // as found: "pytorch-cuda:pytorch2.6-…"
  std::string directory;  // the OCI layout with its blobs
  /// Set: the image is there, and of it only the documents are here; see bring_layers().
  std::optional<oci::RegistryReference> registry;
  oci::Descriptor descriptor;
  std::string manifest_json;  // raw
  oci::Manifest manifest;
  std::string config_json;
  oci::ImageConfig config;

  std::string blob_path(const oci::Digest& digest) const {
    return directory + "/blobs/sha256/" + digest.hex();
  }
};

/// "oci:DIR[:tag]", "oci-archive:FILE" (taken into the store), "image:tag" or "image" (in the
/// store), or the beginning of a digest (in the store). not_found lists what is there.
Result<ImageView> open_image(App& app, const std::string& reference);

/// The same, and "HOST/REPOSITORY[:TAG|@DIGEST]": manifest and config are fetched into the store.
/// A registry that cannot be asked now: what was pulled under that name, with a warning.
Result<ImageView> open_image_anywhere(App& app, const std::string& reference);

/// Fetches those layers of an image in a registry that are not here yet; nothing to do for others.
Result<> bring_layers(App& app, const ImageView& image, const std::vector<oci::Descriptor>& layers);

}  // namespace imgforge::cli
