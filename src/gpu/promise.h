// What an image says of itself: /opt/imgforge/promise.json, written when it is built and compared
// with reality by the probe. Format: docs/probe.md.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace imgforge::gpu {

// Format of promise.json: 1 first version.
inline constexpr int kPromiseFormat = 1;

struct Promise {
  struct Component {
    std::string name, version;
    std::map<std::string, std::string> detail;  // further keys of the object: torch's "cuda"
  };
  struct Library {
    std::string soname, path, version;
  };

  /// What an image with `determinism` sets and ships.
  struct Determinism {
    std::string module;                              // importable in the image's environment
    std::map<std::string, std::string> environment;  // variables of the image's configuration
  };

  std::string image, tag, build, platform;
  std::string created;  // RFC 3339, the image's epoch
  std::vector<Component> components;

  std::string driver_min;       // "525.60.13"
  std::string cuda_driver_min;  // CUDA version that the driver must speak: "12.0"
  std::vector<std::string> sm, ptx;

  std::string python_prefix, site_packages;
  std::vector<Library> libraries;
  std::optional<Determinism> determinism;
  std::string reproduce;  // the command that builds the image again
};

/// Pretty canonical JSON. What is empty is left out: a probe says of it "not promised".
std::string to_json(const Promise& promise);

/// What tells an image from others.
struct PromiseSummary {
  std::string image, tag, build;
  std::map<std::string, std::string> components;  // name -> version
};
/// Reads format 1; keys that it does not know are fine. `name` is the document's in errors.
Result<PromiseSummary> read_promise_summary(std::string_view json, const std::string& name);

}  // namespace imgforge::gpu
