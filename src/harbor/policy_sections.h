// The sections of a policy that have a decoder of their own; policy.cpp puts them together.
#pragma once

#include "document/fields.h"
#include "harbor/policy.h"

namespace imgforge::harbor {

Result<std::vector<ImmutableRule>> read_immutable(document::Fields& policy,
                                                  const std::vector<std::string>& channels);
Result<Retention> read_retention_section(const document::Node& node,
                                         const std::vector<std::string>& channels);
Result<std::vector<RobotPolicy>> read_robots_section(document::Fields& policy,
                                                     const std::string& project);

/// The tags of cosign's signatures and of the referrers fallback: no rule may freeze them
/// (harbor#17332), no retention delete them.
inline constexpr const char* kSignatureTags = "sha256-*";

/// One pattern for the channels and the signatures' tags: "{nightly,*-lts,sha256-*}".
std::string moving_tags(const std::vector<std::string>& channels);

}  // namespace imgforge::harbor
