// How an image was built, as a SLSA provenance v1 predicate: the spec and its layers as parameters,
// every locked input as a resolved dependency, the layers as byproducts. The build type is
// described in docs/formats/provenance.md.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/time.h"
#include "evidence/image.h"
#include "spec/image_spec.h"
#include "spec/lock.h"

namespace imgforge::evidence {

inline constexpr const char* kProvenancePredicate = "https://slsa.dev/provenance/v1";
inline constexpr const char* kBuildType = "https://imgforge.io/build/v1";

/// What only the caller knows. Without invocation and times the predicate depends on the image and
/// its builder alone.
struct BuildFacts {
  std::string builder_id;                              // a URI
  std::map<std::string, std::string> builder_version;  // {"imgforge": "0.1.0"}
  std::string spec_file;                               // in its repository, as people name it
  struct Source {
    std::string uri;     // "git+https://…", without credentials
    std::string commit;  // 40 or 64 hex digits
  };
  std::optional<Source> source;  // of the spec
  std::string invocation_id;     // the pipeline's address for this run; may be empty
  std::optional<base::Seconds> started, finished;
};

/// The predicate as JSON (sorted keys, two spaces). `lock` must belong to `spec` and `image`.
/// Errc::invalid when builder_id is no URI, or the source's has a password.
Result<std::string> provenance(const Image& image, const spec::ImageSpec& spec,
                               const spec::Lock& lock, const BuildFacts& facts);

/// sha256 of the lock as a file without its records, which a build adds: the same before and after.
std::string lock_digest(const spec::Lock& lock);

}  // namespace imgforge::evidence
