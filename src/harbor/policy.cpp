#include "harbor/policy.h"

#include <algorithm>

#include "base/text.h"
#include "harbor/names.h"
#include "harbor/pattern.h"
#include "harbor/policy_sections.h"

namespace imgforge::harbor {

using document::Fields;
using document::Node;

namespace {

std::string quote(std::string_view text) { return "\"" + std::string(text) + "\""; }

std::optional<bool> optional_flag(Fields& fields, const char* key) {
  if (!fields.has(key)) return std::nullopt;
  return fields.flag_or(key, false);
}

/// "500GB", "2TiB", "unlimited": a whole number with a unit.
std::optional<std::int64_t> parse_size(std::string_view text) {
  if (text == "unlimited") return kUnlimited;
  const auto digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto number = base::parse_uint(text.substr(0, digits));
  const std::string_view unit = base::trim(text.substr(digits));
  constexpr std::pair<std::string_view, std::uint64_t> kUnits[] = {
      {"B", 1},          {"MB", 1'000'000},         {"GB", 1'000'000'000}, {"MiB", 1u << 20},
      {"GiB", 1u << 30}, {"TB", 1'000'000'000'000}, {"TiB", 1ull << 40}};
  for (const auto& [name, factor] : kUnits) {
    if (unit != name || !number || *number == 0) continue;
    if (*number > static_cast<std::uint64_t>(INT64_MAX) / factor) return std::nullopt;
    return static_cast<std::int64_t>(*number * factor);
  }
  return std::nullopt;
}

std::vector<std::string> read_channels(Fields& fields) {
  auto channels = fields.texts_or_empty("channels");
  for (const std::string& channel : channels) {
    if (auto pattern = Pattern::parse(channel); !pattern) {
      fields.reject("channels", pattern.error().message(), pattern.error().hint());
    } else if (channel.find_first_of("{},/") != std::string::npos) {
      // They are joined into one {a,b} for rules, and braces do not nest.
      fields.reject("channels", "the channel " + quote(channel) + " has braces, commas or slashes",
                    "write each channel as an item of the list");
    }
  }
  return channels;
}

std::vector<Label> read_labels_section(Fields& policy) {
  std::vector<Label> labels;
  for (const Node& node : policy.maps_or_empty("labels")) {
    Fields fields(node, "the label");
    Label label;
    label.name = fields.text("name");
    label.description = fields.text_or("description", "");
    label.color = fields.text_or("color", "");
    const bool hex =
        label.color.size() == 7 && label.color[0] == '#' && base::from_hex(label.color.substr(1));
    if (!label.color.empty() && !hex) {
      fields.reject("color", quote(label.color) + " is no colour", "write \"#00AB9A\", in quotes");
    }
    const bool twice = std::any_of(labels.begin(), labels.end(),
                                   [&](const Label& other) { return other.name == label.name; });
    if (twice) fields.reject("name", "the label " + quote(label.name) + " stands here twice");
    if (auto finished = fields.finish(); !finished) policy.fail_with(finished.error());
    labels.push_back(std::move(label));
  }
  return labels;
}

Result<Scanning> read_scanning(const Node& node) {
  Fields fields(node, "scanning");
  Scanning scanning;
  scanning.on_push = optional_flag(fields, "on_push");
  scanning.sbom_on_push = optional_flag(fields, "sbom_on_push");
  scanning.scanner = fields.text_or("scanner", "");
  TRY(fields.finish());
  return scanning;
}

Result<ContentTrust> read_content_trust(const Node& node) {
  Fields fields(node, "content_trust");
  ContentTrust trust;
  trust.cosign = optional_flag(fields, "cosign");
  trust.notation = optional_flag(fields, "notation");
  TRY(fields.finish());
  return trust;
}

Result<Ceiling> read_ceiling(const Node& node) {
  Fields fields(node, "vulnerabilities");
  Ceiling ceiling;
  fields.text("block");
  const std::string word =
      fields.choice_or("block", {"never", "low", "medium", "high", "critical"}, "never");
  TRY(fields.finish());
  ceiling.block = parse_severity(word);
  return ceiling;
}

}  // namespace

std::string moving_tags(const std::vector<std::string>& channels) {
  return "{" + (channels.empty() ? "" : base::join(channels, ",") + ",") + kSignatureTags + "}";
}

std::string robot_login(const Policy& policy, const std::string& name, bool system) {
  return policy.robot_prefix + (system ? "" : policy.project + "+") + name;
}

Result<Policy> read_policy(const Node& root) {
  Fields fields(root, "the policy");
  Policy policy;
  fields.text("imgforge");
  if (fields.integer_or("imgforge", kPolicyVersion) != kPolicyVersion) {
    fields.reject("imgforge", "this version of the format is not known",
                  "write imgforge: 1, or use a newer imgforge");
  }
  policy.host = fields.text_or("host", "");
  if (policy.host.find_first_of("/@?# ") != std::string::npos) {
    fields.reject("host", quote(policy.host) + " is no address of a Harbor",
                  "write host or host:port, without https:// and without a path");
  }
  policy.project = fields.text("project");
  if (!policy.project.empty() && !is_project_name(policy.project)) {
    fields.reject("project", quote(policy.project) + " cannot be the name of a project",
                  "lower case letters, digits, and '.', '_' or '-' between them");
  }
  policy.robot_prefix = fields.text_or("robot_prefix", policy.robot_prefix);
  policy.prune = fields.flag_or("prune", false);
  policy.is_public = optional_flag(fields, "public");
  if (const auto size = fields.optional_text("quota")) {
    policy.quota = parse_size(*size);
    if (!policy.quota) {
      fields.reject("quota", quote(*size) + " is no size",
                    "write 500GB, 2TiB or unlimited (units: B, MB, GB, TB, MiB, GiB, TiB)");
    }
  }
  policy.channels = read_channels(fields);
  if (fields.optional_node("immutable"))
    policy.immutable = TRY(read_immutable(fields, policy.channels));
  if (const auto node = fields.optional_node("retention")) {
    policy.retention = TRY(read_retention_section(*node, policy.channels));
  }
  if (fields.optional_node("robots"))
    policy.robots = TRY(read_robots_section(fields, policy.project));
  if (fields.optional_node("labels")) policy.labels = read_labels_section(fields);
  if (const auto node = fields.optional_node("scanning")) {
    policy.scanning = TRY(read_scanning(*node));
  }
  if (const auto node = fields.optional_node("content_trust")) {
    policy.content_trust = TRY(read_content_trust(*node));
  }
  if (const auto node = fields.optional_node("vulnerabilities")) {
    policy.vulnerabilities = TRY(read_ceiling(*node));
  }
  TRY(fields.finish());
  return policy;
}

Result<Policy> parse_policy(std::string_view text, const std::string& file) {
  return read_policy(TRY(document::parse_yaml(text, file)));
}

}  // namespace imgforge::harbor
