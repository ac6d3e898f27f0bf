// An image that exists: by name in the store, in a layout folder, or in an archive file.
#pragma once

#include <string>

#include "cli/app.h"
#include "oci/image.h"

namespace imgforge::cli {

struct ImageView {
  std::string name;       // as found: "pytorch-cuda:pytorch2.6-…"
  std::string directory;  // the OCI layout with its blobs
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

}  // namespace imgforge::cli
