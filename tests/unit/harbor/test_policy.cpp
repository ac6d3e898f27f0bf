#include "catch.h"
#include "error_text.h"
#include "harbor/policy.h"
#include "harbor/roles.h"
#include "policies.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

std::string wrong(const std::string& text) {
  const auto policy = parse_policy(text, "policy.yaml");
  if (policy) return "accepted";
  CHECK(policy.error().code() == Errc::invalid);
  return error_text(policy.error());
}

}  // namespace

TEST_CASE("every key of a policy") {
  const Policy policy = REQUIRE_OK(parse_policy(kWhole, "policy.yaml"));
  CHECK(policy.host == "harbor.example:8443");
  CHECK(policy.project == "ml");
  CHECK(policy.is_public == true);
  CHECK(policy.quota == 500'000'000'000);
  REQUIRE(policy.immutable);
  REQUIRE(policy.immutable->size() == 2);
  CHECK((*policy.immutable)[0].repositories == Selector{false, "team/**"});
  CHECK((*policy.immutable)[1].tags == Selector{true, "{nightly,v*-lts,sha256-*}"});
  CHECK((*policy.immutable)[1].disabled);
  REQUIRE(policy.retention);
  CHECK(policy.retention->cron == "0 30 2 * * *");
  REQUIRE(policy.retention->rules.size() == 4);
  CHECK(policy.retention->rules[0].keep == "always");
  CHECK(policy.retention->rules[0].tags.pattern == "{nightly,v*-lts,sha256-*}");
  CHECK(policy.retention->rules[1].keep == "latestPushedK");
  CHECK(policy.retention->rules[1].count == 30);
  CHECK(policy.retention->rules[2].untagged);
  REQUIRE(policy.robots);
  REQUIRE(policy.robots->size() == 4);
  CHECK((*policy.robots)[0].days == 90);
  CHECK((*policy.robots)[0].permissions[0].scope == "ml");
  CHECK((*policy.robots)[1].days == kForever);
  CHECK((*policy.robots)[2].system);
  CHECK((*policy.robots)[2].permissions.size() == 2);
  CHECK((*policy.robots)[3].permissions[0].access.size() == 3);
  CHECK(policy.scanning->scanner == "Trivy");
  CHECK(policy.content_trust->cosign == true);
  CHECK(policy.vulnerabilities->block == Severity::high);
  CHECK(robot_login(policy, "ci", false) == "robot$ml+ci");
  CHECK(robot_login(policy, "mover", true) == "robot$mover");
}

TEST_CASE("what a policy does not say is not managed") {
  const Policy policy = REQUIRE_OK(parse_policy(kHead, "policy.yaml"));
  CHECK_FALSE(policy.is_public);
  CHECK_FALSE(policy.quota);
  CHECK_FALSE(policy.immutable);
  CHECK_FALSE(policy.retention);
  CHECK_FALSE(policy.robots);
  CHECK_FALSE(policy.labels);
  CHECK_FALSE(policy.scanning);
  CHECK_FALSE(policy.vulnerabilities);
  CHECK_FALSE(policy.prune);
}

TEST_CASE("mistakes have their place and what was meant") {
  CHECK(wrong(kHead + "imutable: []\n") ==
        "policy.yaml:3:1: the policy has no key \"imutable\"\n"
        "  imutable: []\n"
        "  ^\n"
        "hint: did you mean \"immutable\"?\n");
  CHECK(wrong(kHead + "robots:\n  - {name: ci, role: devloper, days: 1}\n") ==
        "policy.yaml:4:22: \"role\" cannot be \"devloper\"\n"
        "    - {name: ci, role: devloper, days: 1}\n"
        "                       ^\n"
        "hint: did you mean \"developer\"? possible are: developer, ci, promoter\n");
  CHECK(wrong(kHead + "robots:\n  - {name: ci, days: 1, access: {artefact: [read]}}\n")
            .find("did you mean \"artifact\"?") != std::string::npos);
  CHECK(wrong(kHead + "robots:\n  - {name: ci, days: 1, access: {repository: [pul]}}\n")
            .find("did you mean \"pull\"?") != std::string::npos);
}

TEST_CASE("a rule that would freeze a channel or a signature is a mistake") {
  CHECK(
      wrong(kHead + "channels: [v2.6-lts]\nimmutable:\n  - tags: \"v*\"\n") ==
      "policy.yaml:5:11: this rule would freeze the channel v2.6-lts: it covers the tag v2.6-lts\n"
      "    - tags: \"v*\"\n"
      "            ^\n"
      "hint: write the channel more exactly (v*-lts rather than *-lts), match build tags only, or "
      "write all_but_channels: true\n");
  for (const char* rule :
       {"{tags: \"**\"}", "{tags: \"*\"}", "{tags: \"sha*\"}", "{}", "{tags_except: \"latest\"}"}) {
    INFO(rule);
    CHECK(wrong(kHead + "immutable: [" + rule + "]\n").find("could not be signed twice") !=
          std::string::npos);
  }
  CHECK(wrong(kHead + "immutable: [{all_but_channels: true}]\n") == "accepted");
  CHECK(wrong(kHead + "channels: [a]\nimmutable: [{tags: \"[b-z]*-v1\"}]\n") == "accepted");
}

TEST_CASE("twice is once too often") {
  CHECK(wrong(kHead + "immutable: [{tags: a}, {tags: a, disabled: true}]\n").find("twice") !=
        std::string::npos);
  CHECK(wrong(kHead + "labels: [{name: a}, {name: a}]\n").find("twice") != std::string::npos);
  const std::string robot = "{name: a, role: ci, days: 1}";
  CHECK(wrong(kHead + "robots: [" + robot + ", " + robot + "]\n").find("twice") !=
        std::string::npos);
  CHECK(wrong(kHead + "retention: {schedule: never, keep: [{newest: 1}, {newest: 1}]}\n")
            .find("twice") != std::string::npos);
  std::string many;
  for (int i = 1; i <= 15; ++i) many += "{newest: " + std::to_string(i) + "}, ";
  CHECK(wrong(kHead + "retention: {schedule: never, keep: [" + many + "]}\n")
            .find("15 retention rules") != std::string::npos);
}

TEST_CASE("sizes") {
  const auto quota = [](const std::string& text) {
    const auto policy = parse_policy(kHead + "quota: " + text + "\n", "policy.yaml");
    return policy ? policy->quota.value() : 0;
  };
  CHECK(quota("unlimited") == kUnlimited);
  CHECK(quota("1GiB") == 1 << 30);
  CHECK(quota("\"2 TB\"") == 2'000'000'000'000);
  for (const char* bad : {"5", "GB", "-1GB", "1.5GB", "99999999999TB", "1gb"}) {
    INFO(bad);
    CHECK(quota(bad) == 0);
  }
}

TEST_CASE("roles have the least rights") {
  const Access developer = REQUIRE_OK(access_of_role("developer"));
  const Access ci = REQUIRE_OK(access_of_role("ci"));
  const Access promoter = REQUIRE_OK(access_of_role("promoter"));
  CHECK(developer.contains({"repository", "pull"}));
  CHECK_FALSE(developer.contains({"repository", "push"}));
  CHECK(ci.contains({"repository", "push"}));
  CHECK_FALSE(ci.contains({"tag", "delete"}));
  CHECK(promoter.contains({"tag", "delete"}));
  for (const Access* access : {&developer, &ci, &promoter}) {
    CHECK_FALSE(access->contains({"artifact", "delete"}));
    for (const auto& [resource, action] : *access) CHECK(is_right(resource, action));
  }
  CHECK_FALSE(access_of_role("boss"));
}

TEST_CASE("broken policies") {
  for (const std::string& text : kBroken) {
    INFO(text);
    CHECK(wrong(text) != "accepted");
  }
}
