// What Harbor's REST API v2.0 (2.12 to 2.15) holds, as values: a project and its rules, robots,
// labels, quota, and what is known of an artifact. Their JSON stays in this room's codecs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "harbor/severity.h"

namespace imgforge::harbor {

struct SystemInfo {
  std::string version;  // "v2.15.2-080b0220"; empty when Harbor does not know who asks
  bool read_only = false;
  std::string external_url;
};

struct Project {
  std::int64_t id = 0;
  std::string name;
  bool proxy_cache = false;
  std::map<std::string, std::string> metadata;  // "public", "auto_scan", "retention_id", ...

  /// Empty when it is not set.
  std::string setting(const std::string& key) const {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  }
};

inline constexpr std::int64_t kUnlimited = -1;

struct Quota {
  std::int64_t limit = kUnlimited;  // bytes
  std::int64_t used = 0;
  bool operator==(const Quota&) const = default;
};

/// A pattern, or what it does not match.
struct Selector {
  bool excludes = false;
  std::string pattern = "**";
  auto operator<=>(const Selector&) const = default;
};

struct ImmutableRule {
  std::int64_t id = 0;
  bool disabled = false;
  Selector tags;
  Selector repositories;  // matched without the project
  /// The same tags of the same repositories.
  bool covers_same(const ImmutableRule& other) const {
    return tags == other.tags && repositories == other.repositories;
  }
  bool operator==(const ImmutableRule&) const = default;
};

struct RetentionRule {
  bool disabled = false;
  std::string keep = "always";  // Harbor's template: latestPushedK, nDaysSinceLastPush, ...
  std::int64_t count = 0;       // its parameter; "always" has none
  Selector tags;
  bool untagged = true;
  Selector repositories;
  auto operator<=>(const RetentionRule&) const = default;
};

struct Retention {
  std::int64_t id = 0;
  std::string cron;  // six fields; empty: never by itself
  std::vector<RetentionRule> rules;
};

/// What a robot may do where: pairs of resource and action.
struct Permission {
  std::string kind = "project";  // or "system"
  std::string scope;             // a project, "*" for all of them, "/" with kind system
  std::set<std::pair<std::string, std::string>> access;
  auto operator<=>(const Permission&) const = default;
};

inline constexpr std::int64_t kForever = -1;

struct Robot {
  std::int64_t id = 0;
  std::string name;  // its login, with prefix and project: "robot$ml+ci"
  std::string description;
  bool system = false;  // level system rather than project
  std::int64_t days = kForever;
  bool disabled = false;
  std::optional<base::Seconds> expires;
  std::vector<Permission> permissions;
};

/// What Harbor says once. Never printed; goes to a SecretSink.
struct RobotSecret {
  std::int64_t id = 0;
  std::string name;  // the login
  std::string secret;
  std::optional<base::Seconds> expires;
};

struct Label {
  std::int64_t id = 0;
  std::string name;
  std::string description;
  std::string color;  // "#00AB9A"
  bool operator==(const Label&) const = default;
};

struct Scanner {
  std::string uuid;
  std::string name;
  bool is_default = false;
};

struct ScanSummary {
  std::string status;  // Pending, Scheduled, Running, Success, Error, Stopped
  Severity severity = Severity::none;
  std::uint64_t total = 0;
  std::uint64_t fixable = 0;
  std::map<Severity, std::uint64_t> count;
  std::string scanner;   // "Trivy 0.60.0"
  std::string finished;  // RFC 3339, as Harbor writes it
  bool finished_well() const { return status == "Success"; }
};

struct ArtifactTag {
  std::string name;
  bool immutable = false;  // only where it was asked for
  std::string pushed;      // RFC 3339
};

struct Artifact {
  std::string digest;
  std::string media_type;  // of the manifest
  std::string type;        // IMAGE, ...
  std::uint64_t size = 0;  // of all its blobs
  std::string pushed;      // RFC 3339
  std::vector<ArtifactTag> tags;
  std::vector<Label> labels;
  std::optional<ScanSummary> scan;  // nullopt: never scanned
};

/// A manifest that has another as its subject, as Harbor recognised it.
struct Accessory {
  std::string digest;
  std::string type;  // signature.cosign, signature.notation, sbom.harbor, subject.accessory
  std::uint64_t size = 0;
};

}  // namespace imgforge::harbor
