// What one layer holds that an SBOM is made of, read in one pass: the metadata of Python packages,
// what dpkg knows, the copyright files of Debian packages, and digests of files where they are
// asked for. Memory grows with the number of packages, not with the size of the layer.
#pragma once

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "evidence/package.h"
#include "evidence/python_metadata.h"

namespace imgforge::evidence {

struct LayerFindings {
  /// "opt/venv/lib/python3.11/site-packages/torch-2.6.0.dist-info" -> its METADATA. Also
  /// *.egg-info.
  std::map<std::string, PythonMetadata> python;
  std::map<std::string, License> copyrights;      // package -> its copyright file
  std::map<std::string, std::string> doc_links;   // package -> the package whose folder it shares
  std::optional<std::string> dpkg_status;         // var/lib/dpkg/status
  std::map<std::string, std::string> dpkg_parts;  // var/lib/dpkg/status.d/NAME
  std::vector<ProjectFile> files;                 // of all regular files, when asked for
  /// Of the layers below (image-spec v1.1.1, layer.md "Whiteouts"): paths that are gone, and
  /// folders that are emptied.
  std::vector<std::string> removed, emptied;
};

/// Reads a layer blob (tar; plain, gzip or zstd) to its end. With `list_files`, every file is
/// hashed; above kMaximumFiles files the list stays empty.
Result<LayerFindings> scan_layer(base::Source& blob, bool list_files, std::stop_token stop);

/// More than this belongs into a package's own list, not into the document of an image.
inline constexpr std::size_t kMaximumFiles = 50'000;

/// "a/b/x-1.dist-info/METADATA" -> "a/b/x-1.dist-info"; empty for anything that is no metadata.
std::string_view python_metadata_folder(std::string_view path);

}  // namespace imgforge::evidence
