// What promotion asks Harbor for: artifacts, tags, labels, scans, accessories, server-side copies;
// and each refusal of /v2/ as a sentence. Against the stand-in and a real Harbor.
#include <algorithm>

#include "catch.h"
#include "error_text.h"
#include "harbor/tag_rules.h"
#include "integration/harbor_server.h"

using namespace imgforge;
using namespace imgforge::harbor;
using test::HarborUnderTest;
using test::RealHarbor;
using test::StandIn;

namespace {

template <class Server>
Server& server() {
  static Server one;
  return one;
}

#define REQUIRE_SERVER(name)           \
  TestType& name = server<TestType>(); \
  if (const auto missing = name.lacks()) SKIP_TEST(*missing)

// Two projects with one image in the first, deleted at the end.
struct Images {
  explicit Images(HarborUnderTest& server)
      : server(server),
        client(server.client()),
        artifacts(server.artifacts()),
        source{server.fresh("imgforge-dev"), "team/torch"},
        target{server.fresh("imgforge-release"), "torch"} {
    REQUIRE_OK(client.create_project(source.project, false));
    REQUIRE_OK(client.create_project(target.project, false));
    digest = push(source, "build-v1", "one");
  }
  ~Images() {
    for (const Repository& one : {source, target}) server.remove_project(one.project);
  }
  std::string push(const Repository& to, const std::string& tag, const std::string& content) {
    std::string pushed;
    const auto answer =
        server.push(to.to_string(), tag, content, &pushed, server.user(), server.password());
    INFO(answer.body);
    REQUIRE(answer.status == 201);
    return pushed;
  }
  Error v2_error(const HarborUnderTest::Answer& answer, const std::string& what) const {
    return explain(answer.status, answer.body, answer.headers,
                   {what, server.host(), server.user(), Door::distribution});
  }

  HarborUnderTest& server;
  Client client;
  Artifacts artifacts;
  Repository source, target;
  std::string digest;
};

std::string rule_of(const Error& error) {
  for (const auto& [key, value] : error.facts()) {
    if (key == "rule") return value;
  }
  return {};
}

std::vector<std::string> names(const std::vector<ArtifactTag>& tags) {
  std::vector<std::string> out;
  for (const ArtifactTag& tag : tags) out.push_back(tag.name);
  return out;
}

}  // namespace

TEMPLATE_TEST_CASE("who is there", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  const Client client = harbor.client();
  REQUIRE_OK(client.ping());
  CHECK(REQUIRE_OK(client.system_info()).version.starts_with("v2."));
  CHECK(REQUIRE_OK(client.unhealthy()).empty());
}

TEMPLATE_TEST_CASE("a project may have a number for a name", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  const Client client = harbor.client();
  const std::string name = "9" + std::to_string(::getpid());
  REQUIRE_OK(client.create_project(name, true));
  const auto project = REQUIRE_OK(client.project(name));
  REQUIRE(project);
  CHECK(project->name == name);
  CHECK(REQUIRE_OK(client.project_robots(*project)).empty());
  // Its id is not its name.
  CHECK_FALSE(REQUIRE_OK(client.project(std::to_string(project->id))));
  harbor.remove_project(name);
  CHECK_FALSE(REQUIRE_OK(client.project(name)));
}

TEMPLATE_TEST_CASE("an artifact with its tags and labels", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  const Artifact artifact = REQUIRE_OK(images.artifacts.get(images.source, "build-v1"));
  CHECK(artifact.digest == images.digest);
  CHECK(artifact.type == "IMAGE");
  CHECK(names(artifact.tags) == std::vector<std::string>{"build-v1"});
  CHECK_FALSE(artifact.tags[0].immutable);
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, images.digest)).digest == images.digest);

  const auto absent = images.artifacts.get(images.source, "nothing");
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);

  const Project project = *REQUIRE_OK(images.client.project(images.source.project));
  REQUIRE_OK(images.client.create_label(project, {.name = "promoted", .color = "#00AB9A"}));
  const auto labels = REQUIRE_OK(images.client.labels(project));
  REQUIRE(labels.size() == 1);
  for (int i = 0; i < 2; ++i) {  // the second time it is there already
    REQUIRE_OK(images.artifacts.add_label(images.source, "build-v1", labels[0]));
  }
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).labels ==
        std::vector<Label>{labels[0]});
  for (int i = 0; i < 2; ++i) {
    REQUIRE_OK(images.artifacts.remove_label(images.source, "build-v1", labels[0]));
  }
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).labels.empty());
}

TEMPLATE_TEST_CASE("tags are created, never moved, and deleted alone", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  REQUIRE_OK(images.artifacts.create_tag(images.source, images.digest, "v1-lts"));
  const auto again = images.artifacts.create_tag(images.source, images.digest, "v1-lts");
  REQUIRE_FALSE(again);
  CHECK(again.error().code() == Errc::refused);
  CHECK(rule_of(again.error()) == "conflict");

  REQUIRE_OK(images.artifacts.delete_tag(images.source, "v1-lts"));
  CHECK(names(REQUIRE_OK(images.artifacts.get(images.source, images.digest)).tags) ==
        std::vector<std::string>{"build-v1"});

  // A channel moves by a PUT through /v2/.
  REQUIRE_OK(images.artifacts.create_tag(images.source, images.digest, "v1-lts"));
  const std::string second = images.push(images.source, "v1-lts", "two");
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, "v1-lts")).digest == second);
}

TEMPLATE_TEST_CASE("an immutable tag, seen before and after", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  REQUIRE_OK(images.client.create_rule(
      images.source.project, {.tags = {.excludes = true, .pattern = "{*-lts,sha256-*}"}}));
  const auto rules = REQUIRE_OK(images.client.immutable_rules(images.source.project));
  CHECK(covering_rule(rules, images.source, "build-v1"));
  CHECK_FALSE(covering_rule(rules, images.source, "v1-lts"));
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).tags.at(0).immutable);

  const auto pushed = harbor.push(images.source.to_string(), "build-v1", "other", nullptr,
                                  harbor.user(), harbor.password());
  CHECK(pushed.status == 412);
  CHECK(rule_of(images.v2_error(pushed, "push")) == "immutable");
  const auto deleted = images.artifacts.delete_tag(images.source, "build-v1");
  REQUIRE_FALSE(deleted);
  CHECK(deleted.error().code() == Errc::refused);
  CHECK(rule_of(deleted.error()) == "immutable");
  INFO(deleted.error().message());
  CHECK(deleted.error().message().find("the tag build-v1 as it is") != std::string::npos);
}

TEMPLATE_TEST_CASE("a copy inside Harbor", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  REQUIRE_OK(images.artifacts.copy(images.source, images.digest, images.target));
  const Artifact copied = REQUIRE_OK(images.artifacts.get(images.target, images.digest));
  CHECK(copied.digest == images.digest);
  // A caveat of Harbor's that promotion has to know: every tag came along.
  CHECK(names(copied.tags) == std::vector<std::string>{"build-v1"});
  REQUIRE_OK(images.artifacts.copy(images.source, images.digest, images.target));
  CHECK(harbor.pull(images.target.to_string(), images.digest, harbor.user(), harbor.password())
            .status == 200);
  CHECK(REQUIRE_OK(images.artifacts.accessories(images.target, images.digest)).empty());

  const auto absent =
      images.artifacts.copy(images.source, "sha256:" + std::string(64, '0'), images.target);
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code() == Errc::not_found);
}

TEMPLATE_TEST_CASE("more artifacts than a page holds", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  for (int i = 0; i < 104; ++i) {
    REQUIRE_OK(images.artifacts.create_tag(images.source, images.digest, "t" + std::to_string(i)));
  }
  for (int i = 0; i < 104; ++i)
    images.push(images.source, "n" + std::to_string(i), std::to_string(i));
  const auto all = REQUIRE_OK(images.artifacts.list(images.source));
  CHECK(all.size() == 105);
  CHECK(REQUIRE_OK(images.artifacts.get(images.source, images.digest)).tags.size() == 105);
}

TEMPLATE_TEST_CASE("a full quota is a sentence", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  const Project project = *REQUIRE_OK(images.client.project(images.source.project));
  REQUIRE_OK(images.client.set_quota(project, 10'000));
  const auto refused = harbor.push(images.source.to_string(), "big", std::string(20'000, 'x'),
                                   nullptr, harbor.user(), harbor.password());
  CHECK(refused.status == 403);
  const Error error = images.v2_error(refused, "push");
  INFO(refused.body);
  CHECK(error.code() == Errc::refused);
  CHECK(rule_of(error) == "quota");
  const auto quota = REQUIRE_OK(images.client.quota(project));
  REQUIRE(quota);
  CHECK(quota->limit == 10'000);
  CHECK(quota->used > 0);
}

TEMPLATE_TEST_CASE("what is not signed is not given out", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Images images(harbor);
  const Project project = *REQUIRE_OK(images.client.project(images.source.project));
  REQUIRE_OK(images.client.set_metadata(project, {{"enable_content_trust_cosign", "true"}}));
  const auto refused =
      harbor.pull(images.source.to_string(), "build-v1", harbor.user(), harbor.password());
  CHECK(refused.status == 412);
  const Error error = images.v2_error(refused, "pull");
  CHECK(error.code() == Errc::refused);
  CHECK(rule_of(error) == "signature");
  CHECK(error.message().find("signed with cosign") != std::string::npos);
}

TEST_CASE("scans, the ceiling, and what is above it") {
  StandIn harbor;
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Images images(harbor);
  CHECK_FALSE(REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).scan);
  const Project project = *REQUIRE_OK(images.client.project(images.source.project));
  REQUIRE_OK(images.client.set_metadata(project, {{"prevent_vul", "true"}, {"severity", "high"}}));
  const auto pull = [&] {
    return harbor.pull(images.source.to_string(), "build-v1", harbor.user(), harbor.password());
  };
  CHECK(rule_of(images.v2_error(pull(), "pull")) == "not_scanned");

  REQUIRE_OK(images.artifacts.start_scan(images.source, "build-v1"));
  auto scan = REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).scan;
  REQUIRE(scan);
  CHECK(scan->finished_well());
  CHECK(scan->severity == Severity::low);
  CHECK(scan->count.at(Severity::low) == 1);
  CHECK(scan->scanner == "Trivy v0.60.0");
  CHECK(pull().status == 200);

  harbor.control(
      "scan",
      {{"digest", images.digest}, {"severity", "High"}, {"summary", {{"High", 2}, {"Low", 5}}}});
  scan = REQUIRE_OK(images.artifacts.get(images.source, "build-v1")).scan;
  REQUIRE(scan);
  CHECK(scan->severity == Severity::high);
  CHECK(scan->total == 7);
  const Error error = images.v2_error(pull(), "pull");
  CHECK(error.code() == Errc::refused);
  CHECK(rule_of(error) == "vulnerability");

  harbor.control("set", {{"scanner", false}});
  const auto none = images.artifacts.start_scan(images.source, "build-v1");
  REQUIRE_FALSE(none);
  CHECK(none.error().message().find("no scanner") != std::string::npos);
  harbor.control("set", {{"scanner", true}, {"jobservice", false}});
  const auto broken = images.artifacts.start_scan(images.source, "build-v1");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code() == Errc::unavailable);
  CHECK(broken.error().hint().find("jobservice") != std::string::npos);
  CHECK(REQUIRE_OK(images.client.unhealthy()) == std::vector<std::string>{"jobservice"});
}

TEST_CASE("a repository name encoded once is no repository") {
  StandIn harbor;
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Images images(harbor);
  const std::string base = "/api/v2.0/projects/" + images.source.project + "/repositories/";
  const auto get = [&](const std::string& name) {
    return harbor.request("GET", base + name + "/artifacts", "", {}, "admin", "Harbor12345").status;
  };
  CHECK(get("team%2Ftorch") == 404);
  CHECK(get("team%252Ftorch") == 200);
  harbor.log();
  REQUIRE_OK(images.artifacts.list(images.source));
  const auto log = harbor.log();
  REQUIRE(log.size() == 1);
  CHECK(log[0].find(base + "team%252Ftorch/artifacts?") != std::string::npos);
}
