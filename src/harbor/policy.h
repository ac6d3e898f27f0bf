// What a project in Harbor shall be like, as a file (docs/reference/harbor-policy.md): sections
// that are absent are not managed and not looked at. Immutability rules are checked against the
// channels and against the tags that signatures use: a rule that would freeze one is an error of
// the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "document/node.h"
#include "harbor/types.h"

namespace imgforge::harbor {

/// The version of the format that is read: "imgforge: 1".
inline constexpr std::int64_t kPolicyVersion = 1;

struct Scanning {
  std::optional<bool> on_push;
  std::optional<bool> sbom_on_push;  // Harbor 2.11
  std::string scanner;               // by name; empty: not managed
};

struct ContentTrust {
  std::optional<bool> cosign;
  std::optional<bool> notation;
};

/// Images at or above `block` are not given out; `never` gives out everything.
struct Ceiling {
  std::optional<Severity> block;  // nullopt: never
};

struct RobotPolicy {
  std::string name;  // without prefix and project
  std::string description;
  bool system = false;
  std::int64_t days = kForever;
  bool disabled = false;
  std::vector<Permission> permissions;
};

struct Policy {
  std::string host;  // "harbor.example", with a port if need be; may be empty
  std::string project;
  /// What Harbor puts before the names of robots: a setting of the system.
  std::string robot_prefix = "robot$";
  bool prune = false;
  std::optional<bool> is_public;
  std::optional<std::int64_t> quota;  // bytes or kUnlimited
  std::vector<std::string> channels;  // patterns of moving tags
  std::optional<std::vector<ImmutableRule>> immutable;
  std::optional<Retention> retention;  // with the rule that keeps the channels
  std::optional<std::vector<RobotPolicy>> robots;
  std::optional<std::vector<Label>> labels;
  std::optional<Scanning> scanning;
  std::optional<ContentTrust> content_trust;
  std::optional<Ceiling> vulnerabilities;
};

Result<Policy> read_policy(const document::Node& root);
/// `file` is the name shown in errors.
Result<Policy> parse_policy(std::string_view text, const std::string& file);

/// The login of a robot as Harbor composes it: "robot$ml+ci", "robot$ci" for one of the system.
std::string robot_login(const Policy& policy, const std::string& name, bool system);

}  // namespace imgforge::harbor
