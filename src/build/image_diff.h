// What differs between two images: components, packages, configuration, files. Layers that both
// have are not read.
#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "oci/image.h"

namespace imgforge::build {

/// An image whose blobs lie in an OCI layout on disk.
struct DiffSide {
  oci::Manifest manifest;
  oci::ImageConfig config;
  std::string directory;  // of the layout
};

struct Change {
  std::string name;
  std::string before;  // empty: added
  std::string after;   // empty: removed
  bool operator==(const Change&) const = default;
};

struct ImageDiff {
  std::vector<Change> components;  // imgforge's annotations
  std::vector<Change> packages;    // "deb:libc6", "python:torch"
  std::vector<Change> config;      // "env PATH", "entrypoint", "label …"
  std::vector<Change>
      files;  // before/after: "0644 12 B", with a digest where only the content differs
  std::size_t shared_layers = 0;
  std::size_t layers_before = 0, layers_after = 0;
  bool empty() const {
    return components.empty() && packages.empty() && config.empty() && files.empty();
  }
};

/// Memory grows with the number of files in layers that are not shared, not with their size.
/// `progress` gets bytes read.
Result<ImageDiff> diff_images(const DiffSide& before, const DiffSide& after, std::stop_token stop);

}  // namespace imgforge::build
