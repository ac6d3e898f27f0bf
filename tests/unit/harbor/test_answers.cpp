// Harbor's documents, as its swagger writes them, through the codecs.
#include "base/json.h"
#include "catch.h"
#include "error_text.h"
#include "harbor/artifact_json.h"
#include "harbor/project_json.h"
#include "harbor/robot_json.h"
#include "harbor/rule_json.h"

using namespace imgforge;
using namespace imgforge::harbor;

TEST_CASE("a project") {
  const auto project = REQUIRE_OK(read_project(
      R"({"project_id":7,"name":"ml","owner_name":"admin","registry_id":null,"metadata":
         {"public":"true","severity":"high","retention_id":"3"},"cve_allowlist":{"items":[]}})"));
  CHECK(project.id == 7);
  CHECK(project.setting("severity") == "high");
  CHECK(project.setting("auto_scan").empty());
  CHECK_FALSE(project.proxy_cache);
  // A PUT repeats "public": without it Harbor takes it for empty.
  CHECK(project_update_json(project, {{"auto_scan", "true"}}) ==
        R"({"metadata":{"auto_scan":"true","public":"true"}})");
  CHECK(new_project_json("ml", false) == R"({"metadata":{"public":"false"},"project_name":"ml"})");
  CHECK(quota_json(-1) == R"({"hard":{"storage":-1}})");
}

TEST_CASE("a quota, or none to see") {
  const auto quota = REQUIRE_OK(read_quota_summary(
      R"({"repo_count":1,"quota":{"hard":{"storage":-1},"used":{"storage":42}}})"));
  REQUIRE(quota);
  CHECK(quota->limit == kUnlimited);
  CHECK(quota->used == 42);
  CHECK_FALSE(REQUIRE_OK(read_quota_summary(R"({"repo_count":1})")));
  CHECK(REQUIRE_OK(read_quota_id({R"([{"id":9}])"})) == std::optional<std::int64_t>(9));
  CHECK_FALSE(REQUIRE_OK(read_quota_id({"null"})));
}

TEST_CASE("immutability rules there and back") {
  const ImmutableRule rule{.id = 4,
                           .disabled = true,
                           .tags = {.excludes = true, .pattern = "{a,b}"},
                           .repositories = {.pattern = "team/**"}};
  const auto read = REQUIRE_OK(read_immutable_rules({"[" + immutable_rule_json(rule) + "]", "[]"}));
  REQUIRE(read.size() == 1);
  CHECK(read[0] == rule);
  CHECK(immutable_rule_json({}).find("\"id\"") == std::string::npos);
  // What another version or an older one leaves out means everything.
  const auto bare = REQUIRE_OK(read_immutable_rules({R"([{"id":1,"tag_selectors":
      [{"kind":"doublestar","decoration":"matches","pattern":""}]}])"}));
  CHECK(bare[0].tags.pattern == "**");
  CHECK(bare[0].repositories.pattern == "**");
}

TEST_CASE("retention there and back") {
  const Retention retention{
      .id = 2,
      .cron = "0 0 0 * * *",
      .rules = {{.tags = {.pattern = "{nightly,sha256-*}"}, .untagged = false},
                {.keep = "latestPushedK",
                 .count = 5,
                 .tags = {.excludes = true, .pattern = "a"},
                 .untagged = true,
                 .repositories = {.excludes = true, .pattern = "b"}}}};
  const auto read = REQUIRE_OK(read_retention(retention_json(retention, 7)));
  CHECK(read.id == 2);
  CHECK(read.cron == retention.cron);
  CHECK(read.rules == retention.rules);
  // Without extras: a rule that matches keeps untagged artifacts, one that excludes does not.
  const auto bare = [](const char* decoration) {
    return REQUIRE_OK(read_retention(
        std::string(R"({"id":1,"rules":[{"template":"always","tag_selectors":[{"pattern":"a",)") +
        R"("decoration":")" + decoration + R"("}]}]})"));
  };
  CHECK(bare("matches").rules[0].untagged);
  CHECK_FALSE(bare("excludes").rules[0].untagged);
}

TEST_CASE("robots there and back, and their secret once") {
  Robot robot{.id = 3,
              .name = "robot$ml+ci",
              .description = "d",
              .days = 90,
              .permissions = {{"project", "ml", {{"repository", "pull"}, {"tag", "list"}}}}};
  auto json = REQUIRE_OK(base::parse_json(robot_update_json(robot), "x"));
  json["expires_at"] = 1'800'000'000;
  json["secret"] = "";
  const auto read = REQUIRE_OK(read_robots({"[" + json.dump() + "]"}));
  REQUIRE(read.size() == 1);
  CHECK(read[0].name == robot.name);
  CHECK(read[0].days == 90);
  CHECK(read[0].permissions == robot.permissions);
  CHECK(read[0].expires == base::Seconds{1'800'000'000});
  CHECK_FALSE(read[0].system);
  CHECK(new_robot_json(robot, "ci").find(R"("name":"ci")") != std::string::npos);

  const auto created = REQUIRE_OK(
      read_new_robot(R"({"id":3,"name":"robot$ml+ci","secret":"S3cretWord","expires_at":-1})"));
  CHECK(created.secret == "S3cretWord");
  CHECK_FALSE(created.expires);
  // A broken answer that holds a secret is not quoted.
  for (const char* broken : {R"({"id":3,"name":"a","secret":"S3cretWord")",
                             R"({"id":"S3cretWord","secret":"S3cretWord"})",
                             R"({"id":3,"name":["S3cretWord"],"secret":"S3cretWord"})"}) {
    const auto wrong = read_new_robot(broken);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().code() == Errc::protocol);
    CHECK(error_text(wrong.error()).find("S3cretWord") == std::string::npos);
  }
  CHECK_FALSE(read_new_secret(R"({"secret":""})"));
}

TEST_CASE("an artifact and its scan") {
  const std::string text = R"({"id":1,"type":"IMAGE","digest":"sha256:ab","size":9,"tags":
    [{"name":"v1","immutable":true,"push_time":"2026-01-01T00:00:00.000Z"}],"labels":null,
    "manifest_media_type":"application/vnd.oci.image.manifest.v1+json","scan_overview":{
    "application/vnd.scanner.adapter.vuln.report.harbor+json; version=1.0":{"scan_status":"Error"},
    "application/vnd.security.vulnerability.report; version=1.1":{"scan_status":"Success",
    "severity":"High","summary":{"total":7,"fixable":2,"summary":{"High":2,"Low":5}},
    "scanner":{"name":"Trivy","version":"v0.60.0"}}}})";
  const auto artifact = REQUIRE_OK(read_artifact(text));
  CHECK(artifact.tags[0].immutable);
  CHECK(artifact.labels.empty());
  REQUIRE(artifact.scan);
  CHECK(artifact.scan->severity == Severity::high);
  CHECK(artifact.scan->fixable == 2);
  CHECK(artifact.scan->count ==
        std::map<Severity, std::uint64_t>{{Severity::high, 2}, {Severity::low, 5}});
  CHECK_FALSE(REQUIRE_OK(read_artifact(R"({"digest":"sha256:ab"})")).scan);
  // A severity that a newer Harbor invents does not pass for harmless.
  const auto odd = REQUIRE_OK(read_artifact(
      R"({"digest":"d","scan_overview":{"m":{"scan_status":"Success","severity":"Doom"}}})"));
  CHECK(odd.scan->severity == Severity::critical);
  CHECK(tag_json("v1") == R"({"name":"v1"})");
  CHECK(label_reference_json(3) == R"({"id":3})");
}

TEST_CASE("documents of another form are protocol errors") {
  for (const char* wrong : {"", "<html>", "[]", R"({"project_id":"7","name":"ml"})"}) {
    INFO(wrong);
    const auto project = read_project(wrong);
    REQUIRE_FALSE(project);
    CHECK(project.error().code() == Errc::protocol);
  }
  CHECK_FALSE(read_labels({"{}"}));
}

TEST_CASE("severities in their order") {
  CHECK(parse_severity("HIGH") == Severity::high);
  CHECK_FALSE(parse_severity("awful"));
  CHECK(Severity::none < Severity::unknown);
  CHECK(Severity::high < Severity::critical);
  CHECK(to_string(Severity::negligible) == "negligible");
}
