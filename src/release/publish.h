// The rules of build tags as decisions over what a repository has: a build tag is written once.
// Pure: the caller lists and resolves, decides with this before it builds or uploads, and then
// acts.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "release/build_tag.h"

namespace imgforge::release {

enum class Publication {
  write,    // the tag is free
  present,  // the tag names this digest already: success, and nothing is sent
};

/// `existing` is what the tag names in the repository now. Errc::refused when that is another
/// digest, with both as facts ("wanted", "existing").
Result<Publication> decide_publication(const BuildTag& tag, const oci::Digest& digest,
                                       const std::optional<oci::Digest>& existing);

/// A tag of the repository and what it names.
struct PublishedTag {
  std::string tag;
  oci::Digest digest;
};

/// Among the tags of a repository the builds of the same components and the same series of build
/// ids (v2.6.1, v2.6.2, …) as `like`, oldest first; everything else is left out. Only the last one
/// has to be resolved for bump().
std::vector<BuildTag> builds_like(const BuildTag& like, std::span<const std::string> tags);

struct Bump {
  BuildTag tag;
  bool present;  // `tag` is the newest build and has this digest: nothing to publish
};

/// What `build --bump` publishes under: the newest build of the series of `wanted` if it has this
/// digest, else `wanted` itself if it is free and newer, else the next free build id after the
/// newest. The build id stands inside an image (its promise), so `digest` must be that of the
/// image built with the id of the newest build, or of `wanted` when there is none.
Result<Bump> bump(const BuildTag& wanted, const oci::Digest& digest,
                  std::span<const PublishedTag> published);

}  // namespace imgforge::release
