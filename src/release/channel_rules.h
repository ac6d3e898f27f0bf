// Reads one channel of a channel policy, and puts in what its "*" stands for.
#pragma once

#include <string>

#include "document/node.h"
#include "release/channel_policy.h"

namespace imgforge::release {

/// `trust` is the file's own default.
Result<ChannelRule> read_channel(const document::Node& name, const document::Node& body,
                                 const std::string& trust);

/// The rule for one name that its pattern matches.
Channel apply_rule(const ChannelRule& rule, std::string_view name);

/// "80", "sm_80" and "8.0" -> "8.0"; nullopt for anything else.
std::optional<std::string> compute_capability(std::string_view text);

}  // namespace imgforge::release
