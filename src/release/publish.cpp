#include "release/publish.h"

#include <fmt/format.h>

#include <algorithm>

#include "release/build_order.h"

namespace imgforge::release {
namespace {

TagParts components_of(const BuildTag& tag) {
  TagParts parts = tag.parts();
  parts.build.clear();
  return parts;
}

}  // namespace

Result<Publication> decide_publication(const BuildTag& tag, const oci::Digest& digest,
                                       const std::optional<oci::Digest>& existing) {
  if (!existing) return Publication::write;
  if (*existing == digest) return Publication::present;
  return fail(Error(Errc::refused,
                    fmt::format("the build tag {} is taken: it names {}, and this build is {}",
                                tag.to_string(), existing->to_string(), digest.to_string()))
                  .hint("a build tag is written once; raise `build:` in the spec, or let --bump "
                        "take the next free build id")
                  .with("wanted", digest.to_string())
                  .with("existing", existing->to_string()));
}

std::vector<BuildTag> builds_like(const BuildTag& like, std::span<const std::string> tags) {
  std::vector<BuildTag> builds;
  for (const std::string& text : tags) {
    auto tag = BuildTag::parse(text);
    if (!tag || components_of(*tag) != components_of(like)) continue;
    if (series_of(tag->parts().build) != series_of(like.parts().build)) continue;
    builds.push_back(*std::move(tag));
  }
  std::sort(builds.begin(), builds.end(), [](const BuildTag& a, const BuildTag& b) {
    return compare_build_ids(a.parts().build, b.parts().build) < 0;
  });
  builds.erase(std::unique(builds.begin(), builds.end()), builds.end());
  return builds;
}

Result<Bump> bump(const BuildTag& wanted, const oci::Digest& digest,
                  std::span<const PublishedTag> published) {
  std::vector<std::string> names;
  for (const PublishedTag& one : published) names.push_back(one.tag);
  const std::vector<BuildTag> builds = builds_like(wanted, names);
  if (builds.empty()) return Bump{wanted, false};

  const BuildTag& newest = builds.back();
  const bool same = std::any_of(published.begin(), published.end(), [&](const PublishedTag& one) {
    return one.tag == newest.to_string() && one.digest == digest;
  });
  if (same) return Bump{newest, true};
  if (compare_build_ids(wanted.parts().build, newest.parts().build) > 0) return Bump{wanted, false};

  TagParts parts = wanted.parts();
  parts.build = TRY(next_build_id(newest.parts().build));
  return Bump{TRY(BuildTag::make(std::move(parts))), false};
}

}  // namespace imgforge::release
