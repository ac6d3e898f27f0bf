#include <algorithm>

#include "base/text.h"
#include "harbor/pattern.h"
#include "harbor/policy_sections.h"
#include "harbor/tag_rules.h"

namespace imgforge::harbor {

using document::Fields;
using document::Node;

namespace {

constexpr std::size_t kMostRetentionRules = 15;  // Harbor 2.15 refuses more

/// `key: PATTERN` or `key_except: PATTERN`; everything when neither stands there.
Selector read_selector(Fields& fields, const char* key, const char* except) {
  Selector selector;
  const auto matching = fields.optional_text(key);
  const auto excluding = fields.optional_text(except);
  if (matching && excluding) {
    fields.reject(except, std::string("\"") + key + "\" and \"" + except + "\" exclude each other");
  }
  if (!matching && !excluding) return selector;
  selector.excludes = !matching;
  selector.pattern = matching ? *matching : *excluding;
  if (auto pattern = Pattern::parse(selector.pattern); !pattern) {
    fields.reject(matching ? key : except, pattern.error().message(), pattern.error().hint());
  }
  return selector;
}

/// "sha256-" and 64 digits, as a pattern.
std::string digest_tag() {
  std::string pattern = "sha256-";
  for (int i = 0; i < 64; ++i) pattern += "[0-9a-f]";
  return pattern;
}

/// A rule that freezes a channel or a signature is a mistake that shows only at the second
/// promotion or signature.
void check_left_alone(Fields& fields, const ImmutableRule& rule,
                      const std::vector<std::string>& channels) {
  const char* key = rule.tags.excludes ? "tags_except" : "tags";
  for (const std::string& channel : channels) {
    const auto example = covered_example(rule, channel);
    if (!example || !*example) continue;
    fields.reject(
        fields.has(key) ? key : "repositories",
        "this rule would freeze the channel " + channel + ": it covers the tag " + **example,
        "write the channel more exactly (v*-lts rather than *-lts), match build tags only, "
        "or write all_but_channels: true");
  }
  for (const char* suffix : {"", ".sig", ".att", ".sbom"}) {
    const auto signature = covered_example(rule, digest_tag() + suffix);
    if (!signature || !*signature) continue;
    fields.reject(fields.has(key) ? key : "repositories",
                  "this rule would freeze the tags of signatures (sha256-...): an image could "
                  "not be signed twice",
                  "match build tags only, or write all_but_channels: true");
  }
}

struct Keep {
  const char* key;
  const char* tmpl;
};
constexpr Keep kKeeps[] = {{"newest", "latestPushedK"},
                           {"recently_pulled", "latestPulledN"},
                           {"pushed_within_days", "nDaysSinceLastPush"},
                           {"pulled_within_days", "nDaysSinceLastPull"}};

RetentionRule read_keep(Fields& fields) {
  RetentionRule rule;
  rule.tags = read_selector(fields, "tags", "tags_except");
  rule.repositories = read_selector(fields, "repositories", "repositories_except");
  rule.untagged = fields.flag_or("untagged", false);
  std::vector<std::string> given;
  for (const Keep& keep : kKeeps) {
    const std::int64_t count = fields.integer_or(keep.key, 0);
    if (!fields.has(keep.key)) continue;
    given.emplace_back(keep.key);
    rule.keep = keep.tmpl;
    rule.count = count;
    if (count < 1) fields.reject(keep.key, std::string("\"") + keep.key + "\" must be 1 or more");
  }
  if (fields.flag_or("always", false)) given.emplace_back("always");
  if (given.size() != 1) {
    fields.fail_with(
        Error(Errc::invalid, given.empty()
                                 ? "this rule does not say what to keep"
                                 : "this rule says more than one thing: " + base::join(given, ", "))
            .at(fields.where(given.empty() ? "" : given.back().c_str()))
            .hint(
                "one of newest, recently_pulled, pushed_within_days, pulled_within_days, always"));
  }
  return rule;
}

bool is_cron(std::string_view text) {
  std::size_t fields = 0;
  for (const std::string_view field : base::split(text, ' ')) {
    if (field.empty()) continue;
    const auto allowed = [](char c) {
      return (c >= '0' && c <= '9') || c == '*' || c == '/' || c == ',' || c == '-' || c == '?';
    };
    if (!std::all_of(field.begin(), field.end(), allowed)) return false;
    ++fields;
  }
  return fields == 6;
}

}  // namespace

Result<std::vector<ImmutableRule>> read_immutable(Fields& policy,
                                                  const std::vector<std::string>& channels) {
  std::vector<ImmutableRule> rules;
  for (const Node& node : policy.maps_or_empty("immutable")) {
    Fields fields(node, "the immutability rule");
    ImmutableRule rule;
    const bool all = fields.flag_or("all_but_channels", false);
    rule.tags = read_selector(fields, "tags", "tags_except");
    if (all && (fields.has("tags") || fields.has("tags_except"))) {
      fields.reject("all_but_channels", "\"all_but_channels\" says already which tags");
    }
    if (all) rule.tags = {.excludes = true, .pattern = moving_tags(channels)};
    rule.repositories = read_selector(fields, "repositories", "repositories_except");
    rule.disabled = fields.flag_or("disabled", false);
    check_left_alone(fields, rule, channels);
    const bool twice = std::any_of(rules.begin(), rules.end(), [&](const ImmutableRule& other) {
      return other.covers_same(rule);
    });
    if (twice) {
      fields.fail_with(node.error("this rule stands here twice"));
    }
    TRY(fields.finish());
    rules.push_back(std::move(rule));
  }
  return rules;
}

Result<Retention> read_retention_section(const Node& node,
                                         const std::vector<std::string>& channels) {
  Fields fields(node, "retention");
  Retention retention;
  const std::string schedule = fields.text("schedule");
  if (schedule == "daily") retention.cron = "0 0 0 * * *";
  if (schedule == "weekly") retention.cron = "0 0 0 * * 0";
  if (retention.cron.empty() && schedule != "never" && !schedule.empty()) {
    retention.cron = schedule;
    if (!is_cron(schedule)) {
      fields.reject("schedule", "\"" + schedule + "\" is no schedule",
                    "daily, weekly, never, or six fields: second minute hour day month weekday");
    }
  }
  // Harbor deletes every tag that no rule keeps: channels and signatures are never among them.
  RetentionRule moving;
  moving.tags = {.excludes = false, .pattern = moving_tags(channels)};
  moving.untagged = false;
  retention.rules.push_back(std::move(moving));
  fields.node("keep");
  for (const Node& rule : fields.maps_or_empty("keep")) {
    Fields one(rule, "the retention rule");
    RetentionRule read = read_keep(one);
    TRY(one.finish());
    if (std::find(retention.rules.begin(), retention.rules.end(), read) != retention.rules.end()) {
      fields.fail_with(rule.error("this rule stands here twice"));
    }
    retention.rules.push_back(std::move(read));
  }
  if (retention.rules.size() > kMostRetentionRules) {
    fields.reject("keep", "Harbor takes 15 retention rules, and one of them keeps the channels",
                  "join patterns: {a,b}");
  }
  TRY(fields.finish());
  return retention;
}

}  // namespace imgforge::harbor
