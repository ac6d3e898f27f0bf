// What a repository offers: its tags with what stands behind them, newest builds first.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "release/channel_policy.h"
#include "release/gather.h"

namespace imgforge::release {

enum class TagKind { channel, build, other };
std::string_view to_string(TagKind kind);

struct TagRow {
  std::string tag;
  oci::Digest digest;
  TagKind kind = TagKind::other;
  std::string channel_kind;          // of a channel: "lts"
  std::string build;                 // of a channel: the build tag it stands for
  TagParts components;               // of the build tag; empty where none is known
  std::vector<std::string> signers;  // "release (cosign)", sorted; trusted ones alone if a trust
                                     // policy was named
  std::optional<ProbeReport> probe;  // the newest
  std::optional<base::Seconds> created;
};

struct TagList {
  std::string repository;
  std::vector<TagRow> rows;  // channels by name, builds newest first, others by name
  std::vector<std::string> problems;
};

/// `policy` (may be null) says which tags are channels; `trust` is the name of the trust policy
/// whose keys count, empty for every key that is known. Tags that registries and tools keep for
/// themselves (sha256-…, imgforge-cache-…) are left out. An image with several tags is looked at
/// once; a tag that vanishes meanwhile is left out.
Result<TagList> list_tags(Repository& repository, const ChannelPolicy* policy,
                          const std::string& trust, const Tools& tools, std::stop_token stop);

}  // namespace imgforge::release
