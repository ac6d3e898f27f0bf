// Format of a channel policy: 1 first version.
#include "release/channel_policy.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/sha256.h"
#include "base/text.h"
#include "document/fields.h"
#include "oci/reference.h"
#include "release/build_tag.h"
#include "release/channel_rules.h"

namespace imgforge::release {

using document::Fields;
using document::Node;

namespace {

// Two rules for one name would make the order of a file decide who may ship.
Result<> check_overlaps(const std::vector<ChannelRule>& rules) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      const Pattern &a = rules[j].pattern, &b = rules[i].pattern;
      if (a.is_name() != b.is_name() || !a.overlaps(b)) continue;
      return fail(Error(Errc::invalid,
                        fmt::format("one channel can match both '{}' and '{}'", a.text(), b.text()))
                      .at(rules[i].where)
                      .hint("make the patterns exclude each other; the plain name of a channel "
                            "goes before every pattern"));
    }
  }
  return {};
}

// A name that the pattern matches, for following the ladder of a whole rule.
std::string example_of(const std::string& pattern) { return base::replace_all(pattern, "*", "0"); }

const ChannelRule* find_rule(const std::vector<ChannelRule>& rules, std::string_view name) {
  const ChannelRule* found = nullptr;
  for (const ChannelRule& rule : rules) {
    if (!rule.pattern.matches(name)) continue;
    if (found == nullptr || rule.pattern.is_name()) found = &rule;
  }
  return found;
}

Result<> check_ladder(const std::vector<ChannelRule>& rules) {
  for (const ChannelRule& start : rules) {
    std::set<const ChannelRule*> seen = {&start};
    const ChannelRule* at = &start;
    std::string name = example_of(start.channel.name);
    while (!at->channel.from.empty()) {
      const std::string below = apply_rule(*at, name).from;
      const ChannelRule* next = find_rule(rules, below);
      if (next == nullptr) {
        std::vector<std::string_view> names;
        for (const ChannelRule& rule : rules) names.push_back(rule.channel.name);
        const auto near = base::nearest(at->channel.from, names);
        return fail(
            Error(Errc::invalid, fmt::format("\"{}\" comes from \"{}\", which is no channel "
                                             "of this file",
                                             at->channel.name, at->channel.from))
                .at(at->where)
                .hint(near ? fmt::format("did you mean \"{}\"?", *near) : ""));
      }
      if (!seen.insert(next).second) {
        return fail(Error(Errc::invalid,
                          fmt::format("the channel \"{}\" stands above itself", next->channel.name))
                        .at(next->where)
                        .hint("`from` names the channel below; somewhere a ladder begins"));
      }
      at = next;
      name = below;
    }
  }
  return {};
}

Result<BranchMap> read_branches(const Node& node, const std::vector<ChannelRule>& rules) {
  if (!node.is_map()) {
    return fail(node.error("\"branches\" must be a map: git branch: channel"));
  }
  std::vector<BranchMap::Entry> entries;
  for (const auto& [branch, channel] : node.entries()) {
    if (!channel.is_scalar()) {
      return fail(channel.error("the channel of branch " + branch.text() + " must be a text"));
    }
    if (find_rule(rules, channel.text()) == nullptr) {
      return fail(
          channel.error(fmt::format("the branch {} feeds \"{}\", which is no channel of this "
                                    "file",
                                    branch.text(), channel.text())));
    }
    entries.push_back({branch.text(), channel.text(), channel.where()});
  }
  return BranchMap::make(entries);
}

}  // namespace

Result<ChannelPolicy> ChannelPolicy::parse(std::string_view text, const std::string& file) {
  const Node root = TRY(document::parse_yaml(text, file));
  Fields fields(root, "the channel policy");
  if (fields.text("imgforge") != "1" && fields.has("imgforge")) {
    fields.reject("imgforge", "this imgforge reads format 1 only",
                  "write imgforge: 1, or use a newer imgforge");
  }
  const std::string trust = fields.text_or("trust", "");
  const Node channels = fields.node("channels");
  const auto branches = fields.optional_node("branches");
  TRY(fields.finish());
  if (!channels.is_map()) {
    return fail(channels.error("\"channels\" must be a map: channel: its rules"));
  }

  ChannelPolicy policy;
  for (const auto& [name, body] : channels.entries()) {
    // A channel without rules of its own is written as a name alone.
    const Node rules = body.is_null() ? Node::map({}, name.where()) : body;
    policy.rules_.push_back(TRY(read_channel(name, rules, trust)));
  }
  if (policy.rules_.empty()) return fail(channels.error("the file has no channels"));
  TRY(check_overlaps(policy.rules_));
  TRY(check_ladder(policy.rules_));
  if (branches) policy.branches_ = TRY(read_branches(*branches, policy.rules_));
  policy.digest_ = "sha256:" + base::sha256_hex(document::canonical(root));
  return policy;
}

const ChannelRule* ChannelPolicy::find(std::string_view name) const {
  return looks_like_build_tag(name) ? nullptr : find_rule(rules_, name);
}

Result<Channel> ChannelPolicy::channel(std::string_view name) const {
  if (looks_like_build_tag(name)) {
    return fail(Error(Errc::invalid,
                      fmt::format("{} is a build tag, which is written once and never moved", name))
                    .hint("name a channel, such as v2.6-lts"));
  }
  TRY(oci::Tag::parse(name));
  if (const ChannelRule* rule = find(name)) return apply_rule(*rule, name);
  std::vector<std::string> names;
  for (const ChannelRule& rule : rules_) names.push_back(rule.channel.name);
  const std::vector<std::string_view> views(names.begin(), names.end());
  const auto near = base::nearest(name, views);
  return fail(Error(Errc::not_found, fmt::format("the channel policy has no channel '{}'", name))
                  .hint((near ? fmt::format("did you mean {}? ", *near) : std::string()) +
                        "its channels are: " + base::join(names, ", ")));
}

}  // namespace imgforge::release
