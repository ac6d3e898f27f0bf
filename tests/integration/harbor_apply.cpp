// A policy applied to Harbor: an empty one, again, after somebody changed something, and with what
// stands in the way. Each test runs against the stand-in and against a real Harbor.
#include <sys/stat.h>

#include <algorithm>

#include "catch.h"
#include "error_text.h"
#include "harbor/apply.h"
#include "harbor/render.h"
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

// Scanning stays out of what a real Harbor must be able to do.
std::string policy_text(const std::string& project) {
  return "imgforge: 1\nproject: " + project + R"(
public: false
quota: 1GB
channels: [nightly, "v*-lts"]
immutable:
  - tags: "pytorch*-v[0-9]*"
  - all_but_channels: true
    repositories: "release/**"
retention:
  schedule: weekly
  keep:
    - {tags: "pytorch*-v[0-9]*", newest: 5}
robots:
  - {name: ci, role: ci, days: 30, description: pushes}
  - {name: dev, role: developer, days: never}
labels:
  - {name: promoted, color: "#00AB9A"}
scanning: {on_push: true}
content_trust: {cosign: false}
vulnerabilities: {block: high}
)";
}

class KeptSecrets final : public SecretSink {
 public:
  Result<> ready() override { return {}; }
  Result<> deliver(const RobotSecret& secret) override {
    if (refuse) return fail(Errc::io, "the vault is sealed");
    secrets[secret.name] = secret.secret;
    ++delivered;
    return {};
  }
  std::map<std::string, std::string> secrets;
  int delivered = 0;
  bool refuse = false;
};

// A project of its own, applied by the administrator, deleted at the end.
struct Work {
  explicit Work(HarborUnderTest& server, std::string name = {})
      : server(server),
        project(name.empty() ? server.fresh("imgforge-apply") : std::move(name)),
        client(server.client()),
        policy(REQUIRE_OK(parse_policy(policy_text(project), "policy.yaml"))) {}
  ~Work() { server.remove_project(project); }

  Plan plan(const PlanOptions& options = {.now = {1'700'000'000}}) {
    const State state = REQUIRE_OK(read_state(client, policy));
    return REQUIRE_OK(make_plan(policy, state, options));
  }
  Applied apply(const PlanOptions& options = {.now = {1'700'000'000}}) {
    return harbor::apply(plan(options), client, secrets);
  }
  void apply_all(const PlanOptions& options = {.now = {1'700'000'000}}) {
    const Applied applied = apply(options);
    if (applied.error) FAIL(error_text(*applied.error) << applied_table(applied));
  }

  HarborUnderTest& server;
  std::string project;
  Client client;
  Policy policy;
  KeptSecrets secrets;
};

std::size_t count(const Plan& plan, Action action) {
  return static_cast<std::size_t>(
      std::count_if(plan.changes.begin(), plan.changes.end(),
                    [&](const Change& change) { return change.action == action; }));
}

const Change* find(const Plan& plan, const std::string& kind, Action action) {
  for (const Change& change : plan.changes) {
    if (change.kind == kind && change.action == action) return &change;
  }
  return nullptr;
}

}  // namespace

TEMPLATE_TEST_CASE("a policy on an empty Harbor, and again", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  const Plan first = work.plan();
  CHECK_FALSE(first.empty());
  CHECK(first.makes_secrets());
  CHECK(first.changes.front().kind == "project");
  CHECK_FALSE(REQUIRE_OK(work.client.project(work.project)));  // a plan changes nothing

  work.apply_all();
  CHECK(work.secrets.delivered == 2);
  const Plan second = work.plan();
  INFO(plan_table(second, true));
  CHECK(second.empty());
  CHECK(count(second, Action::keep) == 0);

  work.apply_all();
  CHECK(work.secrets.delivered == 2);
}

TEMPLATE_TEST_CASE("the robots of a policy can do what they should", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  work.policy.vulnerabilities.reset();
  work.apply_all();
  const std::string ci = "robot$" + work.project + "+ci", dev = "robot$" + work.project + "+dev";
  REQUIRE(work.secrets.secrets.contains(ci));
  REQUIRE(work.secrets.secrets.contains(dev));
  const std::string repository = work.project + "/team/torch";
  const std::string tag = "pytorch2.6-v1";
  const auto pushed = harbor.push(repository, tag, "layer", nullptr, ci, work.secrets.secrets[ci]);
  INFO(pushed.body);
  REQUIRE(pushed.status == 201);
  CHECK(harbor.pull(repository, tag, dev, work.secrets.secrets[dev]).status == 200);

  SECTION("the developer cannot push, and the sentence says so") {
    const auto refused =
        harbor.push(repository, "mine", "other", nullptr, dev, work.secrets.secrets[dev]);
    CHECK(refused.status == 401);
    const Error error =
        explain(refused.status, refused.body, refused.headers,
                {"push " + repository + ":mine", harbor.host(), dev, Door::distribution});
    CHECK(error.code() == Errc::forbidden);
    CHECK(error.message().find(dev + " is known and has no right to it") != std::string::npos);
  }
  SECTION("a build tag is written once, even with the same bytes") {
    const auto again = harbor.push(repository, tag, "layer", nullptr, ci, work.secrets.secrets[ci]);
    CHECK(again.status == 412);
    const Error error =
        explain(again.status, again.body, again.headers,
                {"push " + repository + ":" + tag, harbor.host(), ci, Door::distribution});
    CHECK(error.code() == Errc::refused);
    INFO(error.message());
    CHECK(error.message().find("an immutability rule of the project keeps the tag team/torch:" +
                               tag + " as it is") != std::string::npos);
  }
  SECTION("a channel moves") {
    for (const char* content : {"one", "two"}) {
      CHECK(harbor.push(repository, "v2.6-lts", content, nullptr, ci, work.secrets.secrets[ci])
                .status == 201);
    }
  }
}

TEMPLATE_TEST_CASE("drift is repaired, and what is not the policy's stays", "", StandIn,
                   RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  work.apply_all();
  const Project project = *REQUIRE_OK(work.client.project(work.project));

  auto rules = REQUIRE_OK(work.client.immutable_rules(work.project));
  REQUIRE(rules.size() == 2);
  rules[0].disabled = true;
  REQUIRE_OK(work.client.update_rule(work.project, rules[0]));
  REQUIRE_OK(work.client.delete_rule(work.project, rules[1].id));
  REQUIRE_OK(work.client.create_rule(work.project, {.tags = {.pattern = "n*"}}));
  REQUIRE_OK(work.client.set_metadata(project, {{"public", "true"}, {"prevent_vul", "false"}}));
  REQUIRE_OK(work.client.set_quota(project, kUnlimited));
  REQUIRE_OK(work.client.create_label(project, {.name = "foreign"}));
  auto robots = REQUIRE_OK(work.client.project_robots(project));
  REQUIRE(robots.size() == 2);
  robots[0].permissions[0].access.erase({"repository", "pull"});
  robots[0].disabled = true;
  REQUIRE_OK(work.client.update_robot(robots[0]));

  const Plan plan = work.plan();
  INFO(plan_table(plan, true));
  CHECK(count(plan, Action::create) == 1);
  CHECK(count(plan, Action::update) == 5);
  CHECK(count(plan, Action::remove) == 0);
  CHECK(count(plan, Action::keep) == 2);
  const Change* kept = find(plan, "immutability rule", Action::keep);
  REQUIRE(kept != nullptr);
  CHECK(kept->note == "freezes the channel nightly");
  work.apply_all();
  CHECK(work.plan().empty());
  CHECK(work.secrets.delivered == 2);  // an update keeps the secret
  CHECK(REQUIRE_OK(work.client.immutable_rules(work.project)).size() == 3);

  work.policy.prune = true;
  const Plan prune = work.plan();
  CHECK(count(prune, Action::remove) == 2);
  work.apply_all();
  CHECK(work.plan().empty());
  CHECK(REQUIRE_OK(work.client.immutable_rules(work.project)).size() == 2);
  CHECK(REQUIRE_OK(work.client.labels(project)).size() == 1);
}

TEMPLATE_TEST_CASE("another secret on request", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  work.apply_all();
  const auto before = work.secrets.secrets;
  work.apply_all({.now = {1'700'000'000}, .renew = {"ci", "dev"}});
  CHECK(work.secrets.delivered == 4);
  for (const auto& [name, secret] : work.secrets.secrets) {
    CHECK(secret != before.at(name));
    const auto answer = [&](const std::string& password) {
      return harbor.request("GET", "/v2/", "", {}, name, password).status;
    };
    CHECK(answer(before.at(name)) == 401);
    CHECK(answer(secret) == 200);
  }
  CHECK(work.plan().empty());
}

TEMPLATE_TEST_CASE("a robot whose secret nobody takes is taken back", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  work.secrets.refuse = true;
  const Applied applied = work.apply();
  REQUIRE(applied.error);
  CHECK(applied.error->message() == "the vault is sealed");
  REQUIRE(applied.refused);
  CHECK(applied.refused->kind == "robot");
  CHECK_FALSE(applied.done.empty());
  CHECK_FALSE(applied.left.empty());
  const Project project = *REQUIRE_OK(work.client.project(work.project));
  CHECK(REQUIRE_OK(work.client.project_robots(project)).empty());

  work.secrets.refuse = false;
  work.apply_all();
  CHECK(work.plan().empty());
}

TEMPLATE_TEST_CASE("secrets go to a file of their owner alone", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  const auto scratch = REQUIRE_OK(base::TempDir::create("/tmp", "secrets"));
  SecretFile file(scratch / "robots.json");
  const Plan plan = work.plan();
  const Applied applied = harbor::apply(plan, work.client, file);
  REQUIRE(applied.complete());
  struct stat status {};
  REQUIRE(::stat((scratch / "robots.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const auto json =
      REQUIRE_OK(base::parse_json(REQUIRE_OK(base::read_file(scratch / "robots.json")), "secrets"));
  REQUIRE(json["robots"].size() == 2);
  const std::string name = "robot$" + work.project + "+ci";
  const std::string secret = json["robots"][name]["secret"];
  CHECK(harbor.request("GET", "/v2/", "", {}, name, secret).status == 200);
  const std::string shown = applied_json(applied) + applied_table(applied) + plan_json(plan) +
                            plan_json(work.plan()) + plan_table(work.plan(), true);
  CHECK(shown.find(secret) == std::string::npos);
}

TEMPLATE_TEST_CASE("who may not is told so, and nothing is half-done", "", StandIn, RealHarbor) {
  REQUIRE_SERVER(harbor);
  Work work(harbor);
  work.apply_all();
  const std::string ci = "robot$" + work.project + "+ci";

  SECTION("a wrong password") {
    const Client wrong(harbor.connection(harbor.user(), "Wr0ng-password"));
    const auto state = read_state(wrong, work.policy);
    REQUIRE_FALSE(state);
    CHECK(state.error().code() == Errc::unauthorized);
    CHECK(state.error().message().find("does not accept the password of " + harbor.user()) !=
          std::string::npos);
  }
  SECTION("a robot without the right") {
    const Client robot(harbor.connection(ci, work.secrets.secrets[ci]));
    const auto state = read_state(robot, work.policy);
    REQUIRE_FALSE(state);
    CHECK(state.error().code() == Errc::forbidden);
    CHECK(state.error().message().find(ci + " has no right to it") != std::string::npos);
    CHECK(state.error().hint().find("'robots'") != std::string::npos);
  }
  SECTION("a project that is absent, to an administrator") {
    CHECK_FALSE(REQUIRE_OK(work.client.project(harbor.fresh("absent"))));
  }
}

TEST_CASE("a plan with secrets and no place for them changes nothing") {
  StandIn& harbor = server<StandIn>();
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor);
  NoSecretSink nowhere;
  const Applied applied = harbor::apply(work.plan(), work.client, nowhere);
  REQUIRE(applied.error);
  CHECK(applied.error->code() == Errc::usage);
  CHECK(applied.done.empty());
  CHECK_FALSE(REQUIRE_OK(work.client.project(work.project)));
}

TEST_CASE("it stops at the first refusal and goes on from there") {
  StandIn harbor;
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor, "ml");
  harbor.control("fault", {{"match", "POST .*/retentions"},
                           {"times", 1},
                           {"status", 403},
                           {"headers", {{"Content-Type", "application/json"}}},
                           {"body", R"({"errors":[{"code":"FORBIDDEN","message":"forbidden"}]})"}});
  const Applied stopped = work.apply();
  REQUIRE(stopped.error);
  CHECK(stopped.error->code() == Errc::forbidden);
  REQUIRE(stopped.refused);
  CHECK(stopped.refused->kind == "retention");
  CHECK(applied_table(stopped).find("REFUSED") != std::string::npos);
  CHECK(work.secrets.delivered == 2);
  work.apply_all();
  CHECK(work.secrets.delivered == 2);
  CHECK(work.plan().empty());
}

TEST_CASE("read-only mode, a busy server, a proxy's page, no server") {
  StandIn harbor;
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor, "ml");

  SECTION("read-only is one sentence, and not tried again") {
    harbor.control("set", {{"read_only", true}});
    harbor.log();
    const Applied applied = work.apply();
    REQUIRE(applied.error);
    CHECK(applied.error->code() == Errc::unavailable);
    CHECK(applied.error->message().find("Harbor is in read-only mode") != std::string::npos);
    CHECK(applied.done.empty());
    const auto log = harbor.log();
    CHECK(std::count(log.begin(), log.end(), "POST /api/v2.0/projects") == 1);
  }
  SECTION("429 and 503 are waited out") {
    harbor.control("fault", {{"match", "POST .*/projects"},
                             {"times", 1},
                             {"status", 429},
                             {"headers", {{"Retry-After", "0"}}}});
    harbor.control("fault", {{"match", "GET .*/immutabletagrules"}, {"times", 1}, {"status", 503}});
    work.apply_all();
    CHECK(work.plan().empty());
  }
  SECTION("a POST is not sent twice when nobody knows what became of it") {
    harbor.control("fault", {{"match", "POST .*/robots"},
                             {"times", 1},
                             {"status", 502},
                             {"headers", {{"Content-Type", "text/html"}}},
                             {"body", "<html>Bad Gateway</html>"}});
    harbor.log();
    const Applied applied = work.apply();
    REQUIRE(applied.error);
    CHECK(applied.error->code() == Errc::unavailable);
    CHECK(applied.error->message().find("<html>") == std::string::npos);
    const auto log = harbor.log();
    CHECK(std::count(log.begin(), log.end(), "POST /api/v2.0/robots") == 1);
  }
  SECTION("another server under the address") {
    harbor.control("fault", {{"match", "GET .*/ping"},
                             {"times", 1},
                             {"status", 404},
                             {"headers", {{"Content-Type", "text/html"}}},
                             {"body", "<html>not here</html>"}});
    const auto ping = work.client.ping();
    REQUIRE_FALSE(ping);
    CHECK(ping.error().code() == Errc::not_found);
    CHECK(ping.error().message().find("no Harbor answered") != std::string::npos);
  }
  SECTION("a POST whose answer is lost is not sent again either") {
    harbor.control("fault", {{"match", "POST .*/labels"}, {"times", 1}, {"status", 0}});
    const Applied applied = work.apply();
    REQUIRE(applied.error);
    CHECK(applied.error->code() == Errc::unavailable);
  }
}

TEST_CASE("no cookies, so no CSRF; robots expire; a project that is a proxy cache") {
  StandIn harbor(R"({"projects": [{"name": "hub", "proxy_cache": true}]})");
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor, "ml");
  work.apply_all();  // the stand-in sets "sid" on every answer and refuses POSTs that bring it back

  const std::string ci = "robot$ml+ci";
  const auto login = [&] {
    return harbor.request("GET", "/v2/", "", {}, ci, work.secrets.secrets[ci]).status;
  };
  CHECK(login() == 200);
  harbor.control("clock", {{"seconds", 31 * 24 * 3600}});
  CHECK(login() == 401);
  const Project project = *REQUIRE_OK(work.client.project("ml"));
  base::Seconds late;
  for (const Robot& robot : REQUIRE_OK(work.client.project_robots(project))) {
    if (robot.name == ci) late = base::Seconds{robot.expires.value().value + 1};
  }
  const Plan plan = work.plan({.now = late});
  CHECK(plan.empty());
  const Change* row = find(plan, "robot", Action::none);
  REQUIRE(row != nullptr);
  CHECK(row->note.find("expired on ") == 0);
  work.apply_all({.now = late, .renew = {"ci"}});
  CHECK(login() == 200);

  work.policy.project = "hub";
  const auto refused =
      make_plan(work.policy, REQUIRE_OK(read_state(work.client, work.policy)), {.now = late});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
}

TEST_CASE("a Harbor that names its robots otherwise") {
  StandIn harbor(R"({"robot_name_prefix": "bot-"})");
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor, "ml");
  const Applied applied = work.apply();
  REQUIRE(applied.error);
  CHECK(applied.error->hint().find("robot_prefix") != std::string::npos);
  const Project project = *REQUIRE_OK(work.client.project("ml"));
  CHECK(REQUIRE_OK(work.client.project_robots(project)).empty());
  work.policy.robot_prefix = "bot-";
  work.apply_all();
  CHECK(work.plan().empty());
  CHECK(work.secrets.secrets.contains("bot-ml+ci"));
}

TEST_CASE("the example policy") {
  StandIn harbor(R"({"projects": [{"name": "ml-release"}]})");
  if (const auto missing = harbor.lacks()) SKIP_TEST(*missing);
  Work work(harbor, "ml");
  const std::string path = IMGFORGE_SOURCE_DIR "/examples/harbor/policy.yaml";
  work.policy = REQUIRE_OK(parse_policy(REQUIRE_OK(base::read_file(path)), path));
  work.apply_all();
  CHECK(work.plan().empty());
  const auto robots = REQUIRE_OK(work.client.system_robots());
  REQUIRE(robots.size() == 1);
  CHECK(robots[0].name == "robot$promoter");
  CHECK(robots[0].permissions.size() == 2);
}
