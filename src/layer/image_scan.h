// What a base image consists of, found by reading its layers from the lowest up with their
// whiteouts: the few files that say which system, glibc and Python it has.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "layer/facts.h"

namespace imgforge::layer {

/// Collects the interesting files of an image, layer by layer.
class ImageScan {
 public:
  /// Reads one layer blob (tar; plain, gzip or zstd) to its end. Lowest layer first. `name` is for
  /// errors.
  Result<> add_layer(base::Source& blob, const std::string& name);

  struct LayerSize {
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  // headers and contents, without extended headers
  };
  const std::vector<LayerSize>& layers() const { return layers_; }

  /// Text of a file that is there after all layers; follows one symbolic link.
  std::optional<std::string> text(std::string_view path) const;
  bool has(std::string_view path) const { return files_.contains(std::string(path)); }

  /// What the files say: os_id, os_version, glibc, dpkg_status, python.
  Facts facts() const;

 private:
  struct FoundFile {
    std::string text;
    std::string link_target;  // of a symbolic link
    bool executable = false;
  };
  void remove_below(const std::string& folder);
  std::string find_glibc() const;
  std::optional<PythonFacts> find_python(const std::string& dpkg_status) const;

  std::map<std::string, FoundFile> files_;
  std::vector<LayerSize> layers_;
};

/// KEY=value lines of os-release(5), quotes taken off.
std::map<std::string, std::string> parse_os_release(std::string_view text);

}  // namespace imgforge::layer
