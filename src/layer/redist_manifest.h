// NVIDIA's redistrib_*.json: which archives a release of CUDA, cuDNN and the like consists of.
// Source: redistrib-v2.schema.json, and the manifests of CUDA 11.4 to 13.0 and cuDNN 8.5 to 9.10.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"

namespace imgforge::layer {

struct RedistArchive {
  std::string component;  // "cuda_cudart"
  std::string name;       // for people: "CUDA Runtime (cudart)"
  std::string license;
  std::string version;  // "11.8.89"
  std::string path;     // relative to the product's folder
  std::string sha256;
  std::uint64_t size = 0;
};

class RedistManifest {
 public:
  static Result<RedistManifest> parse(std::string text, std::string file);

  const std::string& text() const { return text_; }
  /// Sorted.
  const std::vector<std::string>& components() const { return components_; }
  /// The archive of a component for "linux-x86_64". `cuda_major` ("11") chooses where a component
  /// comes in variants; empty is fine where it does not.
  Result<RedistArchive> find(const std::string& component, const std::string& platform,
                             const std::string& cuda_major) const;

 private:
  std::string text_;
  std::string file_;
  std::vector<std::string> components_;
};

}  // namespace imgforge::layer
