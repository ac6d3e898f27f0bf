#include "base/json.h"
#include "catch.h"
#include "harbor/render.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

const Plan kPlan{
    .project = "ml",
    .changes = {{.action = Action::create, .kind = "robot", .name = "robot$ml+ci", .after = "new"},
                {.action = Action::update,
                 .kind = "setting",
                 .name = "public",
                 .before = "true",
                 .after = "false",
                 .note = "so"},
                {.action = Action::none, .kind = "label", .name = "a", .after = "x"},
                {.action = Action::keep, .kind = "label", .name = "b"},
                {.action = Action::remove, .kind = "label", .name = "c", .before = "gone"}}};

}  // namespace

TEST_CASE("a plan as a table") {
  CHECK(plan_table(kPlan, false) ==
        "ACTION  WHAT     NAME         CHANGE\n"
        "create  robot    robot$ml+ci  new\n"
        "update  setting  public       true -> false (so)\n"
        "keep    label    b            not in the policy\n"
        "delete  label    c            gone\n"
        "ml: 1 to create, 1 to update, 1 to delete; 1 as wanted, 1 not in the policy\n");
  CHECK(plan_table(kPlan, true).find("none    label    a") != std::string::npos);
  CHECK(plan_table({.project = "ml"}, false) ==
        "ml: 0 to create, 0 to update, 0 to delete; 0 as wanted, 0 not in the policy\n");
}

TEST_CASE("long changes are cut in the table and whole in JSON") {
  Plan plan{
      .project = "ml",
      .changes = {
          {.action = Action::create, .kind = "k", .name = "n", .after = std::string(500, 'x')}}};
  CHECK(plan_table(plan, false).find(std::string(98, 'x')) == std::string::npos);
  CHECK(plan_json(plan).find(std::string(500, 'x')) != std::string::npos);
}

TEST_CASE("a plan and its end as JSON") {
  const auto json = REQUIRE_OK(base::parse_json(plan_json(kPlan), "plan"));
  CHECK(json["project"] == "ml");
  CHECK(json["changes"].size() == 5);
  CHECK(json["changes"][1]["before"] == "true");
  CHECK(json["changes"][4]["action"] == "delete");
  CHECK(json["summary"]["create"] == 1);

  Applied applied{.done = {kPlan.changes[0]},
                  .refused = kPlan.changes[1],
                  .error = Error(Errc::forbidden, "no"),
                  .left = {kPlan.changes[4]}};
  CHECK(applied_table(applied) ==
        "created    robot    robot$ml+ci  new\n"
        "REFUSED    setting  public       true -> false (so)\n"
        "not begun  label    c            gone\n");
  const auto end = REQUIRE_OK(base::parse_json(applied_json(applied), "end"));
  CHECK(end["complete"] == false);
  CHECK(end["done"].size() == 1);
  CHECK(end["refused"]["name"] == "public");
  CHECK(end["left"].size() == 1);
  applied.refused.reset();
  applied.error.reset();
  CHECK(REQUIRE_OK(base::parse_json(applied_json(applied), "end"))["refused"].is_null());
}
