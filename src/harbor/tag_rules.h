// Which tags an immutability rule covers, asked before Harbor is.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harbor/names.h"
#include "harbor/types.h"

namespace imgforge::harbor {

/// Whether the rule, if it is switched on, covers the tag. A pattern that imgforge does not
/// understand covers: the question is asked to be on the safe side.
bool covers(const ImmutableRule& rule, const std::string& repository, const std::string& tag);

/// The first rule that would refuse to move the tag; for a promotion to refuse with before it
/// begins. `rules` are those of the repository's project.
std::optional<ImmutableRule> covering_rule(const std::vector<ImmutableRule>& rules,
                                           const Repository& repository, const std::string& tag);

/// A tag that both the channel pattern and the rule cover, whatever the repository.
Result<std::optional<std::string>> covered_example(const ImmutableRule& rule,
                                                   const std::string& channel);

/// "tags v*.*.* in **", "tags except {nightly,*-lts} in **".
std::string describe(const ImmutableRule& rule);
std::string describe(const Selector& selector);
/// "at 0 0 0 * * *; latestPushedK 50 of tags pytorch* in **".
std::string describe(const Retention& retention);

}  // namespace imgforge::harbor
