#include "catch.h"
#include "promotion_story.h"
#include "release/history.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

Result<MovePlan> plan_back(Story& story, const std::optional<ImageName>& image = std::nullopt,
                           const std::string& reason = "loss explodes") {
  return plan_rollback(story.policy, story.request("nightly", reason), story.repository, image,
                       story.tools(), {});
}

struct ThreeBuilds : Story {
  ThreeBuilds() {
    promote("nightly", first);
    promote("nightly", second);
    promote("nightly", third);
    repository.writes.clear();
  }
  RawManifest first = image("v2.6.1"), second = image("v2.6.2"), third = image("v2.6.3");
};

}  // namespace

TEST_CASE("rollback goes back step by step and writes why") {
  ThreeBuilds story;
  for (const RawManifest* expected : {&story.second, &story.first}) {
    const MovePlan plan = REQUIRE_OK(plan_back(story));
    CHECK(plan.image.descriptor.digest == expected->descriptor.digest);
    CHECK(REQUIRE_OK(story.carry_out(plan)).moved);
    CHECK(story.repository.tagged("nightly") == expected->descriptor.digest);
  }
  const auto nothing = plan_back(story);
  REQUIRE_FALSE(nothing);
  CHECK(nothing.error().code() == Errc::not_found);

  const History history = REQUIRE_OK(
      read_history(story.repository, {.name = "nightly", .trust = "release"}, story.tools(), {}));
  REQUIRE(history.entries.size() == 5);
  CHECK(history.entries[0].standing == Standing::current);
  CHECK(history.entries[0].move.record.action == Action::rollback);
  CHECK(history.entries[0].move.record.reason == "loss explodes");
  for (std::size_t i = 1; i < 5; ++i) CHECK(history.entries[i].standing == Standing::past);
}

TEST_CASE("rollback goes to a named image that the channel had") {
  ThreeBuilds story;
  const oci::Tag tag = REQUIRE_OK(oci::Tag::parse("pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1"));
  const MovePlan plan = REQUIRE_OK(plan_back(story, ImageName(tag)));
  CHECK(plan.image.descriptor.digest == story.first.descriptor.digest);
  CHECK(story.repository.writes.empty());  // a dry run ends here
  CHECK(REQUIRE_OK(story.carry_out(plan)).moved);
}

TEST_CASE("rollback to an image that the channel never had is refused") {
  ThreeBuilds story;
  const RawManifest stranger = story.image("v2.6.4");
  const MovePlan plan = REQUIRE_OK(plan_back(story, ImageName(stranger.descriptor.digest)));
  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message().find("was-there") != std::string::npos);
  CHECK(story.repository.writes.empty());
}

TEST_CASE("rollback does not go to an image whose key is no longer trusted") {
  ThreeBuilds story;
  story.trust.policies["release"] = {"owner"};  // ci's key was withdrawn
  const MovePlan plan = REQUIRE_OK(plan_back(story));
  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message().find("signature") != std::string::npos);
}

TEST_CASE("rollback needs a reason, a channel and an image that exists") {
  ThreeBuilds story;
  const auto silent = plan_back(story, std::nullopt, "");
  REQUIRE_FALSE(silent);
  CHECK(silent.error().code() == Errc::usage);

  story.repository.forget(story.second.descriptor.digest);
  const auto gone = plan_back(story);
  REQUIRE_FALSE(gone);
  CHECK(gone.error().code() == Errc::not_found);

  const auto no_channel = plan_rollback(story.policy, story.request("v1-lts", "why"),
                                        story.repository, std::nullopt, story.tools(), {});
  REQUIRE_FALSE(no_channel);
  CHECK(no_channel.error().message() == "r.example/ml/pytorch has no channel v1-lts");
}

TEST_CASE("a move without a record is undone to the last recorded image") {
  ThreeBuilds story;
  const RawManifest outside = story.image("v9.9.9");
  story.repository.set_tag("nightly", outside.descriptor.digest);
  const MovePlan plan = REQUIRE_OK(plan_back(story));
  CHECK(plan.image.descriptor.digest == story.third.descriptor.digest);
  CHECK(plan.before == outside.descriptor.digest);
  CHECK(REQUIRE_OK(story.carry_out(plan)).moved);
}

TEST_CASE("somebody promotes while a rollback is under way") {
  ThreeBuilds story;
  const MovePlan plan = REQUIRE_OK(plan_back(story));
  const RawManifest fourth = story.image("v2.6.4");
  story.promote("nightly", fourth);
  const auto refused = story.carry_out(plan);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(story.repository.tagged("nightly") == fourth.descriptor.digest);
}
