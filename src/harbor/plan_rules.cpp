#include <algorithm>

#include "base/text.h"
#include "harbor/plan_parts.h"
#include "harbor/tag_rules.h"

namespace imgforge::harbor {
namespace {

constexpr std::size_t kMostRetentionRules = 15;  // Harbor 2.15 refuses more

std::string state_of(const ImmutableRule& rule) { return rule.disabled ? "off" : "on"; }

std::string frozen_channel(const ImmutableRule& rule, const Policy& policy) {
  if (rule.disabled) return {};
  for (const std::string& channel : policy.channels) {
    const auto example = covered_example(rule, channel);
    if (example && *example) return "freezes the channel " + channel;
  }
  return {};
}

bool has(const std::vector<RetentionRule>& rules, const RetentionRule& rule) {
  return std::find(rules.begin(), rules.end(), rule) != rules.end();
}

}  // namespace

void plan_rules(const Policy& policy, const State& state, Draft& draft) {
  if (!policy.immutable) return;
  std::vector<bool> taken(state.immutable.size(), false);
  for (ImmutableRule wanted : *policy.immutable) {
    Change change{.kind = "immutability rule", .name = describe(wanted), .after = state_of(wanted)};
    change.action = Action::create;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      const ImmutableRule& now = state.immutable[i];
      if (taken[i] || !now.covers_same(wanted)) continue;
      taken[i] = true;
      wanted.id = now.id;
      change.before = state_of(now);
      change.action = now.disabled == wanted.disabled ? Action::none : Action::update;
      break;
    }
    if (change.changes()) change.step = PutRule{wanted};
    draft.add(Rank::protection, std::move(change));
  }
  for (std::size_t i = 0; i < taken.size(); ++i) {
    if (taken[i]) continue;
    const ImmutableRule& rule = state.immutable[i];
    Change change{.action = Action::keep,
                  .kind = "immutability rule",
                  .name = describe(rule),
                  .before = state_of(rule)};
    if (policy.prune) {
      change.action = Action::remove;
      change.step = DeleteRule{rule.id};
    } else {
      change.after = change.before;
      change.note = frozen_channel(rule, policy);
    }
    draft.add(Rank::remove, std::move(change));
  }
}

Result<> plan_retention(const Policy& policy, const State& state, Draft& draft) {
  if (!policy.retention) return {};
  Retention wanted = *policy.retention;
  Change change{.kind = "retention", .name = "tags that are kept"};
  if (state.retention) {
    wanted.id = state.retention->id;
    change.before = describe(*state.retention);
    std::vector<RetentionRule> foreign;
    for (const RetentionRule& rule : state.retention->rules) {
      if (!has(wanted.rules, rule)) foreign.push_back(rule);
    }
    const bool complete =
        std::all_of(wanted.rules.begin(), wanted.rules.end(),
                    [&](const RetentionRule& rule) { return has(state.retention->rules, rule); });
    const bool same =
        complete && wanted.cron == state.retention->cron && (foreign.empty() || !policy.prune);
    if (!policy.prune) {
      wanted.rules.insert(wanted.rules.end(), foreign.begin(), foreign.end());
      if (!foreign.empty()) {
        change.note = std::to_string(foreign.size()) + " of the rules not in the policy: kept";
      }
    }
    change.action = same ? Action::none : Action::update;
    if (same) wanted = *state.retention;
  } else {
    change.action = Action::create;
  }
  if (wanted.rules.size() > kMostRetentionRules) {
    return fail(Error(Errc::refused, "the project would have more than 15 retention rules")
                    .hint("rules that are not in the policy are kept: prune: true deletes them"));
  }
  change.after = describe(wanted);
  if (change.changes()) change.step = PutRetention{wanted};
  draft.add(Rank::retention, std::move(change));
  return {};
}

}  // namespace imgforge::harbor
