#include <algorithm>

#include "catch.h"
#include "error_text.h"
#include "harbor/plan.h"
#include "policies.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

const PlanOptions kNow{.now = {1'000'000}};

Policy policy_of(const std::string& sections) {
  return REQUIRE_OK(parse_policy(kHead + sections, "policy.yaml"));
}

State existing() {
  State state;
  state.project = Project{.id = 1, .name = "ml", .metadata = {{"public", "false"}}};
  state.quota = Quota{};
  return state;
}

Plan plan(const std::string& sections, const State& state, const PlanOptions& options = kNow) {
  return REQUIRE_OK(make_plan(policy_of(sections), state, options));
}

Robot robot(const char* name, const char* role_policy) {
  const Policy policy = policy_of(std::string("robots: [") + role_policy + "]\n");
  const RobotPolicy& one = policy.robots->front();
  return {.id = 9,
          .name = name,
          .description = one.description,
          .system = one.system,
          .days = one.days,
          .disabled = one.disabled,
          .permissions = one.permissions};
}

std::string lines(const Plan& plan) {
  std::string out;
  for (const Change& change : plan.changes) {
    out += std::string(to_string(change.action)) + " " + change.kind + " " + change.name + "\n";
  }
  return out;
}

}  // namespace

TEST_CASE("an absent project: everything is made, in the order that is safe") {
  CHECK(lines(REQUIRE_OK(make_plan(REQUIRE_OK(parse_policy(kWhole, "x")), {}, kNow))) ==
        "create project ml\n"
        "update quota storage\n"
        "create label promoted\n"
        "update setting scanner\n"
        "update setting scan on push\n"
        "none setting SBOM on push\n"
        "create immutability rule tags pytorch*-v[0-9]* in team/**\n"
        "create immutability rule tags except {nightly,v*-lts,sha256-*} in except {scratch,tmp}\n"
        "create robot robot$ml+ci\n"
        "create robot robot$ml+old\n"
        "create robot of the system robot$mover\n"
        "create robot robot$ml+list-only\n"
        "create retention tags that are kept\n"
        "update setting only signed with cosign\n"
        "none setting only signed with notation\n"
        "update setting vulnerabilities\n");
}

TEST_CASE("settings: only what differs, and only what is managed") {
  State state = existing();
  state.project->metadata = {
      {"public", "true"}, {"auto_scan", "true"}, {"prevent_vul", "true"}, {"severity", "Low"}};
  CHECK(plan("", state).changes.empty());
  const Plan changed =
      plan("public: false\nscanning: {on_push: true}\nvulnerabilities: {block: high}\n", state);
  CHECK(lines(changed) ==
        "update setting public\nnone setting scan on push\nupdate setting vulnerabilities\n");
  CHECK(changed.changes[2].before == "block low");
  CHECK(changed.changes[2].after == "block high");
  const auto& step = std::get<SetMetadata>(changed.changes[2].step);
  CHECK(step.values ==
        std::map<std::string, std::string>{{"prevent_vul", "true"}, {"severity", "high"}});
  const Plan off = plan("vulnerabilities: {block: never}\n", state);
  CHECK(std::get<SetMetadata>(off.changes[0].step).values.at("prevent_vul") == "false");
  // Opening a project comes after what locks it.
  state.project->metadata["public"] = "false";
  CHECK(lines(plan("public: true\nscanning: {on_push: false}\n", state)) ==
        "update setting scan on push\nupdate setting public\n");
}

TEST_CASE("a quota") {
  State state = existing();
  state.quota = Quota{.limit = 1'000, .used = 900};
  CHECK(plan("quota: 1000B\n", state).empty());
  const Plan less = plan("quota: 500B\n", state);
  CHECK_FALSE(less.empty());
  CHECK(less.changes[0].note == "900 B are in use: every push will be refused");
  state.quota.reset();
  const auto blind = make_plan(policy_of("quota: 500B\n"), state, kNow);
  REQUIRE_FALSE(blind);
  CHECK(blind.error().code() == Errc::forbidden);
}

TEST_CASE("immutability rules are matched by what they cover") {
  State state = existing();
  state.immutable = {{.id = 1, .disabled = true, .tags = {.pattern = "a-*"}},
                     {.id = 2, .tags = {.pattern = "a-*"}},
                     {.id = 3, .tags = {.pattern = "other"}}};
  const std::string wanted = "channels: [other]\nimmutable: [{tags: \"a-*\"}, {tags: \"b-*\"}]\n";
  const Plan kept = plan(wanted, state);
  CHECK(lines(kept) ==
        "update immutability rule tags a-* in **\n"
        "create immutability rule tags b-* in **\n"
        "keep immutability rule tags a-* in **\n"
        "keep immutability rule tags other in **\n");
  CHECK(std::get<PutRule>(kept.changes[0].step).rule.id == 1);
  CHECK(kept.changes[3].note == "freezes the channel other");
  const Plan pruned = plan("prune: true\n" + wanted, state);
  CHECK(std::get<DeleteRule>(pruned.changes[3].step).id == 3);
  CHECK(lines(pruned).find("keep") == std::string::npos);
}

TEST_CASE("retention keeps the rules of others unless they are pruned") {
  const std::string wanted = "retention: {schedule: daily, keep: [{newest: 5}]}\n";
  State state = existing();
  const RetentionRule foreign{.keep = "latestPulledN", .count = 3};
  state.retention = Retention{.id = 4, .cron = "0 0 0 * * *", .rules = {foreign}};
  const Plan merged = plan(wanted, state);
  const auto& put = std::get<PutRetention>(merged.changes[0].step).retention;
  CHECK(put.id == 4);
  REQUIRE(put.rules.size() == 3);
  CHECK(put.rules[2] == foreign);
  state.retention = put;
  CHECK(plan(wanted, state).empty());
  CHECK(plan(wanted, state).changes[0].note == "1 of the rules not in the policy: kept");
  const Plan pruned = plan("prune: true\n" + wanted, state);
  CHECK(std::get<PutRetention>(pruned.changes[0].step).retention.rules.size() == 2);

  state.retention->rules.assign(14, foreign);
  for (int i = 0; i < 14; ++i) state.retention->rules[static_cast<std::size_t>(i)].count = 100 + i;
  const auto many = make_plan(policy_of(wanted), state, kNow);
  REQUIRE_FALSE(many);
  CHECK(many.error().code() == Errc::refused);
}

TEST_CASE("robots: what differs, what has expired, what is nobody's") {
  const char* wanted = "{name: ci, role: ci, days: 30, description: d}";
  State state = existing();
  state.project_robots = {robot("robot$ml+ci", wanted)};
  const std::string text = std::string("robots: [") + wanted + "]\n";
  CHECK(plan(text, state).empty());

  SECTION("rights and state") {
    state.project_robots[0].permissions[0].access.insert({"tag", "delete"});
    state.project_robots[0].permissions[0].access.erase({"repository", "push"});
    state.project_robots[0].disabled = true;
    const Plan changed = plan(text, state);
    CHECK(changed.changes[0].before == "state disabled, may ml (tag:delete)");
    CHECK(changed.changes[0].after == "state enabled, may ml (repository:push)");
    CHECK(std::get<UpdateRobot>(changed.changes[0].step).robot.id == 9);
    CHECK_FALSE(changed.makes_secrets());
  }
  SECTION("expiry") {
    state.project_robots[0].expires = base::Seconds{999'999};
    CHECK(plan(text, state).changes[0].note == "expired on 1970-01-12: renew it");
    state.project_robots[0].expires = base::Seconds{1'000'001};
    CHECK(plan(text, state).changes[0].note == "expires on 1970-01-12");
    CHECK(plan(text, state).empty());
  }
  SECTION("renewal") {
    const Plan renewed = plan(text, state, {.now = {1}, .renew = {"ci"}});
    CHECK(renewed.makes_secrets());
    CHECK(std::get<RenewRobot>(renewed.changes[0].step).short_name == "ci");
    const auto unknown = make_plan(policy_of(text), state, {.now = {1}, .renew = {"cd"}});
    REQUIRE_FALSE(unknown);
    CHECK(unknown.error().code() == Errc::not_found);
  }
  SECTION("others") {
    state.project_robots.push_back({.id = 10, .name = "robot$ml+stranger"});
    CHECK(plan(text, state).changes[1].action == Action::keep);
    CHECK(std::get<DeleteRobot>(plan("prune: true\n" + text, state).changes[1].step).id == 10);
    CHECK(plan("prune: true\n", state).changes.empty());  // robots are not managed
    state.system_robots.push_back({.id = 11, .name = "robot$elsewhere", .system = true});
    CHECK(plan("prune: true\n" + text, state).changes.size() == 2);
  }
}

TEST_CASE("labels and scanners") {
  State state = existing();
  state.labels = {{.id = 5, .name = "a", .description = "x", .color = "#111111"},
                  {.id = 6, .name = "b"}};
  CHECK(plan("labels: [{name: a, description: x}, {name: b}]\n", state).empty());
  const Plan changed = plan("labels: [{name: a, description: y}]\n", state);
  CHECK(lines(changed) == "update label a\nkeep label b\n");
  CHECK(std::get<PutLabel>(changed.changes[0].step).label ==
        Label{.id = 5, .name = "a", .description = "y", .color = "#111111"});

  state.scanners = {{.uuid = "u", .name = "Trivy"}};
  state.scanner = state.scanners[0];
  CHECK(plan("scanning: {scanner: Trivy}\n", state).empty());
  const auto absent = make_plan(policy_of("scanning: {scanner: Clair}\n"), state, kNow);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().hint() == "it has: Trivy");
}
