#include "harbor/tag_rules.h"

#include <algorithm>

#include "base/text.h"
#include "harbor/pattern.h"

namespace imgforge::harbor {
namespace {

bool selects(const Selector& selector, const std::string& name) {
  const auto pattern = Pattern::parse(selector.pattern);
  return !pattern || pattern->matches(name) != selector.excludes;
}

std::string text(const RetentionRule& rule) {
  std::string keep = rule.keep == "always" ? "all" : rule.keep + " " + std::to_string(rule.count);
  return keep + " of tags " + describe(rule.tags) + " in " + describe(rule.repositories) +
         (rule.untagged ? " and untagged" : "") + (rule.disabled ? " (off)" : "");
}

}  // namespace

bool covers(const ImmutableRule& rule, const std::string& repository, const std::string& tag) {
  return !rule.disabled && selects(rule.repositories, repository) && selects(rule.tags, tag);
}

std::optional<ImmutableRule> covering_rule(const std::vector<ImmutableRule>& rules,
                                           const Repository& repository, const std::string& tag) {
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const ImmutableRule& rule) {
    return covers(rule, repository.name, tag);
  });
  return found == rules.end() ? std::nullopt : std::optional(*found);
}

Result<std::optional<std::string>> covered_example(const ImmutableRule& rule,
                                                   const std::string& channel) {
  return find_tag(TRY(Pattern::parse(channel)), TRY(Pattern::parse(rule.tags.pattern)),
                  rule.tags.excludes);
}

std::string describe(const Selector& selector) {
  return (selector.excludes ? "except " : "") + selector.pattern;
}

std::string describe(const ImmutableRule& rule) {
  return "tags " + describe(rule.tags) + " in " + describe(rule.repositories);
}

std::string describe(const Retention& retention) {
  std::vector<std::string> parts = {retention.cron.empty() ? "never by itself"
                                                           : "at " + retention.cron};
  for (const RetentionRule& rule : retention.rules) parts.push_back(text(rule));
  return base::join(parts, "; ");
}

}  // namespace imgforge::harbor
