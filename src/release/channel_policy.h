// The channels of a project as its release owners declare them in a file: which there are, what an
// image must prove to enter each, below which channel it must have been, and which git branch feeds
// which. Parsing reads the text and nothing else. Format: docs/formats/channels.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "release/branch_map.h"
#include "release/pattern.h"
#include "release/severity.h"

namespace imgforge::release {

struct BuildTagGate {
  std::vector<std::string> parts;             // "pytorch", "cuda", "os", "python", "arch"
  std::map<std::string, std::string> values;  // part -> what it must be
};
struct SbomGate {
  bool is_signed = true;             // an attestation by a trusted key, not a mere attachment
  std::vector<std::string> formats;  // "spdx", "cyclonedx": all of these; empty: any one
};
struct ProvenanceGate {
  std::vector<Pattern> builders;  // of builder.id; empty: any
};
struct ProbeGate {
  std::int64_t max_age = 0;  // seconds
  std::vector<std::string>
      gpus;  // compute capabilities, "8.0": each needs a report; empty: any one
};
struct VulnerabilityGate {
  Severity at_most = Severity::none;
  std::optional<std::int64_t> max_scan_age;  // seconds
  bool skip_without_scanner = false;         // where the registry is no Harbor
};

/// What an image must prove. What is not there is not asked for.
struct Gates {
  std::optional<BuildTagGate> build_tag;
  bool is_signed = false;
  std::optional<SbomGate> sbom;
  std::optional<ProvenanceGate> provenance;
  std::optional<ProbeGate> probe;
  std::optional<VulnerabilityGate> vulnerabilities;
  std::optional<std::int64_t> min_age;  // seconds
  bool not_older = true;
};

/// One channel by its name, with everything that "*" stood for put in.
struct Channel {
  std::string name;              // "v2.6-lts"
  std::string kind;              // "lts"; for people and labels
  std::string from;              // the channel below; empty: none
  std::string trust;             // the trust policy whose keys count; empty: none
  std::vector<std::string> who;  // who moves it; for people: the registry's rights decide
  Gates gates;
};

/// A channel as the file has it; `pattern` may cover many names.
struct ChannelRule {
  Pattern pattern;
  Channel channel;  // `name`, `from` and the values of the build tag may hold "*"
  Location where;
};

class ChannelPolicy {
 public:
  /// `file` is the name in errors.
  static Result<ChannelPolicy> parse(std::string_view text, const std::string& file);

  /// The rules for a channel. Errc::not_found, naming the channels there are, when no rule is for
  /// it; Errc::invalid when it is no name of a channel.
  Result<Channel> channel(std::string_view name) const;
  bool is_channel(std::string_view name) const { return find(name) != nullptr; }
  const BranchMap& branches() const { return branches_; }
  const std::vector<ChannelRule>& rules() const { return rules_; }
  /// The text's sha256 over its parsed content: which policy a decision was made by.
  const std::string& digest() const { return digest_; }

 private:
  const ChannelRule* find(std::string_view name) const;
  std::vector<ChannelRule> rules_;
  BranchMap branches_;
  std::string digest_;
};

}  // namespace imgforge::release
