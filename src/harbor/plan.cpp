#include "harbor/plan.h"

#include <algorithm>

#include "base/text.h"
#include "harbor/plan_parts.h"

namespace imgforge::harbor {
namespace {

std::string flag(bool value) { return value ? "true" : "false"; }

void plan_setting(const State& state, const char* key, std::string name, bool wanted, Rank rank,
                  Draft& draft) {
  const bool now = state.project && state.project->setting(key) == "true";
  Change change{
      .kind = "setting", .name = std::move(name), .before = flag(now), .after = flag(wanted)};
  if (now != wanted) {
    change.action = Action::update;
    change.step = SetMetadata{{{key, flag(wanted)}}};
  }
  draft.add(rank, std::move(change));
}

void plan_project(const Policy& policy, const State& state, Draft& draft) {
  if (!state.project) {
    const bool is_public = policy.is_public.value_or(false);
    draft.add(Rank::project, {.action = Action::create,
                              .kind = "project",
                              .name = policy.project,
                              .after = is_public ? "public" : "private",
                              .step = CreateProject{is_public}});
  } else if (policy.is_public) {
    plan_setting(state, "public", "public", *policy.is_public,
                 *policy.is_public ? Rank::lock : Rank::tighten, draft);
  }
}

std::string size(std::int64_t bytes) {
  return bytes < 0 ? "unlimited" : base::human_bytes(static_cast<std::uint64_t>(bytes));
}

Result<> plan_quota(const Policy& policy, const State& state, Draft& draft) {
  if (!policy.quota) return {};
  Change change{.kind = "quota", .name = "storage", .after = size(*policy.quota)};
  if (state.project && !state.quota) {
    return fail(Error(Errc::forbidden, "the quota of " + policy.project + " cannot be read")
                    .hint("use an administrator's account, or leave 'quota' out of the policy; "
                          "quotas may be switched off in this Harbor"));
  }
  change.before = state.quota ? size(state.quota->limit) : "Harbor's default";
  if (!state.quota || state.quota->limit != *policy.quota) {
    change.action = Action::update;
    change.step = SetQuota{*policy.quota};
  }
  if (state.quota && *policy.quota >= 0 && state.quota->used > *policy.quota) {
    change.note = size(state.quota->used) + " are in use: every push will be refused";
  }
  draft.add(Rank::tighten, std::move(change));
  return {};
}

void plan_labels(const Policy& policy, const State& state, Draft& draft) {
  if (!policy.labels) return;
  for (Label wanted : *policy.labels) {
    const auto found = std::find_if(state.labels.begin(), state.labels.end(),
                                    [&](const Label& label) { return label.name == wanted.name; });
    Change change{.kind = "label", .name = wanted.name};
    const auto text = [](const Label& label) {
      return std::string(base::trim(label.color + " " + label.description));
    };
    if (found == state.labels.end()) {
      change.action = Action::create;
    } else {
      wanted.id = found->id;
      if (wanted.color.empty()) wanted.color = found->color;
      change.before = text(*found);
      if (!(wanted == *found)) change.action = Action::update;
    }
    change.after = text(wanted);
    if (change.changes()) change.step = PutLabel{wanted};
    draft.add(Rank::labels, std::move(change));
  }
  for (const Label& label : state.labels) {
    const bool wanted = std::any_of(policy.labels->begin(), policy.labels->end(),
                                    [&](const Label& one) { return one.name == label.name; });
    if (wanted) continue;
    Change change{.action = Action::keep, .kind = "label", .name = label.name};
    change.before = std::string(base::trim(label.color + " " + label.description));
    if (policy.prune) {
      change.action = Action::remove;
      change.step = DeleteLabel{label};
    } else {
      change.after = change.before;
    }
    draft.add(Rank::remove, std::move(change));
  }
}

Result<> plan_scanning(const Policy& policy, const State& state, Draft& draft) {
  if (!policy.scanning) return {};
  const Scanning& wanted = *policy.scanning;
  if (!wanted.scanner.empty()) {
    const auto known = std::any_of(state.scanners.begin(), state.scanners.end(),
                                   [&](const Scanner& one) { return one.name == wanted.scanner; });
    if (state.project && !known) {
      std::vector<std::string> names;
      for (const Scanner& scanner : state.scanners) names.push_back(scanner.name);
      return fail(
          Error(Errc::not_found, "Harbor has no scanner \"" + wanted.scanner + "\"")
              .hint(names.empty() ? "it has none at all" : "it has: " + base::join(names, ", ")));
    }
    Change change{.kind = "setting",
                  .name = "scanner",
                  .before = state.scanner ? state.scanner->name : "",
                  .after = wanted.scanner};
    if (change.before != change.after) {
      change.action = Action::update;
      change.step = SetScanner{wanted.scanner};
    }
    draft.add(Rank::scanning, std::move(change));
  }
  if (wanted.on_push) {
    plan_setting(state, "auto_scan", "scan on push", *wanted.on_push, Rank::scanning, draft);
  }
  if (wanted.sbom_on_push) {
    plan_setting(state, "auto_sbom_generation", "SBOM on push", *wanted.sbom_on_push,
                 Rank::scanning, draft);
  }
  return {};
}

void plan_locks(const Policy& policy, const State& state, Draft& draft) {
  if (policy.content_trust && policy.content_trust->cosign) {
    plan_setting(state, "enable_content_trust_cosign", "only signed with cosign",
                 *policy.content_trust->cosign, Rank::lock, draft);
  }
  if (policy.content_trust && policy.content_trust->notation) {
    plan_setting(state, "enable_content_trust", "only signed with notation",
                 *policy.content_trust->notation, Rank::lock, draft);
  }
  if (!policy.vulnerabilities) return;
  const auto text = [](bool on, std::string_view word) {
    return on ? "block " + base::to_lower(word) : "block never";
  };
  const auto& block = policy.vulnerabilities->block;
  const bool on = state.project && state.project->setting("prevent_vul") == "true";
  Change change{.kind = "setting",
                .name = "vulnerabilities",
                .before = text(on, on ? state.project->setting("severity") : ""),
                .after = text(block.has_value(), block ? to_string(*block) : "")};
  if (change.before != change.after) {
    change.action = Action::update;
    SetMetadata step{{{"prevent_vul", flag(block.has_value())}}};
    if (block) step.values["severity"] = to_string(*block);
    change.step = step;
  }
  draft.add(Rank::lock, std::move(change));
}

}  // namespace

std::string_view to_string(Action action) {
  switch (action) {
    case Action::none:
      return "none";
    case Action::create:
      return "create";
    case Action::update:
      return "update";
    case Action::remove:
      return "delete";
    case Action::keep:
      return "keep";
  }
  return {};
}

std::vector<Change> Draft::in_order() && {
  std::stable_sort(ranked_.begin(), ranked_.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<Change> changes;
  for (auto& [rank, change] : ranked_) changes.push_back(std::move(change));
  return changes;
}

bool Plan::empty() const {
  return std::none_of(changes.begin(), changes.end(),
                      [](const Change& change) { return change.changes(); });
}

bool Plan::makes_secrets() const {
  return std::any_of(changes.begin(), changes.end(), [](const Change& change) {
    return std::holds_alternative<CreateRobot>(change.step) ||
           std::holds_alternative<RenewRobot>(change.step);
  });
}

Result<Plan> make_plan(const Policy& policy, const State& state, const PlanOptions& options) {
  if (state.project && state.project->proxy_cache) {
    return fail(Error(Errc::refused, policy.project + " is a proxy cache of another registry")
                    .hint("images are not pushed or promoted there: use a project of your own"));
  }
  Draft draft;
  plan_project(policy, state, draft);
  TRY(plan_quota(policy, state, draft));
  plan_labels(policy, state, draft);
  TRY(plan_scanning(policy, state, draft));
  plan_rules(policy, state, draft);
  TRY(plan_robots(policy, state, options, draft));
  TRY(plan_retention(policy, state, draft));
  plan_locks(policy, state, draft);
  return Plan{.project = policy.project, .changes = std::move(draft).in_order()};
}

}  // namespace imgforge::harbor
