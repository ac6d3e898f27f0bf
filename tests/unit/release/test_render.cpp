#include "release/render.h"

#include "base/json.h"
#include "catch.h"
#include "promotion_story.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

// Digests of the tests' images are no constants of interest.
std::string with_names(std::string text,
                       const std::vector<std::pair<oci::Digest, std::string>>& names) {
  for (const auto& [digest, name] : names) {
    for (const std::string& form : {digest.to_string(), digest.short_hex()}) {
      for (std::size_t at; (at = text.find(form)) != std::string::npos;) {
        text.replace(at, form.size(),
                     name + std::string(form.size() > 12 ? 0 : 12 - name.size(), '.'));
      }
    }
  }
  return text;
}

}  // namespace

TEST_CASE("golden: a plan with gates that pass, fail and are not asked for") {
  Story story;
  const RawManifest first = story.image("v2.6.1");
  REQUIRE_OK(story.carry_out(REQUIRE_OK(story.plan("nightly", first))));
  story.clock.value += 30 * 86400;
  const MovePlan plan = REQUIRE_OK(story.plan("v2.6-lts", first));
  CHECK(with_names(plan_text(plan), {{first.descriptor.digest, "FIRST"}}) ==
        R"(promote v2.6-lts in r.example/ml/pytorch
  image    FIRST
  build    pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1
  channel  does not exist yet

GATE             RESULT             FOUND
build-tag        skipped-by-policy  the policy does not ask for it
signature        passed             signed by ci (bundle), ci (cosign)
sbom             passed             spdx, signed
provenance       passed             built by https://ci.example/1, signed by ci
probe            failed             passed on NVIDIA H100 (9.0), driver 550.54.15, 31 days ago, and may be 7 days old at most
                                    -> run imgforge probe --json in the image on such a GPU and attest the report
vulnerabilities  skipped-by-policy  the policy does not ask for it
minimum-age      skipped-by-policy  the policy does not ask for it
from-below       passed             nightly names it now
not-older        passed             the channel is new

1. attach the signed record
2. move v2.6-lts from nothing to FIRST
)");
  const base::Json json = REQUIRE_OK(base::parse_json(move_json(plan, nullptr), "json"));
  CHECK(json["passed"] == false);
  CHECK(json["dry_run"] == true);
  CHECK(json["moved"] == false);
  CHECK(json["from"].is_null());
  CHECK(json["gates"].size() == 9);
  CHECK(json["gates"][4]["outcome"] == "failed");
  CHECK(json["gates"][4]["remedy"].is_string());
}

TEST_CASE("golden: a history") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2");
  story.promote("nightly", first);
  story.promote("nightly", second);
  REQUIRE_OK(story.carry_out(
      REQUIRE_OK(plan_rollback(story.policy, story.request("nightly", "loss explodes"),
                               story.repository, std::nullopt, story.tools(), {}))));
  const History history = REQUIRE_OK(
      read_history(story.repository, {.name = "nightly", .trust = "release"}, story.tools(), {}));
  CHECK(
      with_names(history_text(history),
                 {{first.descriptor.digest, "FIRST"}, {second.descriptor.digest, "SECOND"}}) ==
      R"(WHEN                  WHAT      FROM          TO            BUILD                                   WHO   SIGNED BY  STANDING  REASON
2025-05-21T04:03:00Z  rollback  SECOND......  FIRST.......  pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1  anna  owner      current   loss explodes
2025-05-21T04:02:00Z  promote   FIRST.......  SECOND......  pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2  anna  owner      past
2025-05-21T04:01:00Z  promote   nothing       FIRST.......  pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1  anna  owner      past
)");
  const base::Json json = REQUIRE_OK(base::parse_json(history_json(history), "json"));
  CHECK(json["entries"].size() == 3);
  CHECK(json["entries"][0]["standing"] == "current");
  CHECK(json["now_is_recorded"] == true);
  CHECK(history_text({.channel = "x"}) == "there is no x now\n\nno records\n");
}

TEST_CASE("golden: a table of tags") {
  Story story;
  const RawManifest first = story.image("v2.6.1"), second = story.image("v2.6.2");
  const RawManifest bare = make_image(story.repository, "", "");
  story.promote("nightly", second);
  story.promote("v2.6-lts", second);
  story.repository.set_tag("scratch", bare.descriptor.digest);
  const TagList list =
      REQUIRE_OK(list_tags(story.repository, &story.policy, "release", story.tools(), {}));
  CHECK(
      with_names(tags_text(list, story.clock), {{first.descriptor.digest, "FIRST"},
                                                {second.descriptor.digest, "SECOND"},
                                                {bare.descriptor.digest, "BARE"}}) ==
      R"(TAG                                     DIGEST        WHAT                  COMPONENTS                           SIGNED BY                 PROBE                         AGE
nightly                                 SECOND......  channel = v2.6.2      pytorch 2.6, cuda 11.8, ubuntu20.04  ci (bundle), ci (cosign)  ok on NVIDIA H100, 1 day ago  1 day
v2.6-lts                                SECOND......  channel lts = v2.6.2  pytorch 2.6, cuda 11.8, ubuntu20.04  ci (bundle), ci (cosign)  ok on NVIDIA H100, 1 day ago  1 day
pytorch2.6-cuda11.8-ubuntu20.04-v2.6.2  SECOND......  build                 pytorch 2.6, cuda 11.8, ubuntu20.04  ci (bundle), ci (cosign)  ok on NVIDIA H100, 1 day ago  1 day
pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1  FIRST.......  build                 pytorch 2.6, cuda 11.8, ubuntu20.04  ci (bundle), ci (cosign)  ok on NVIDIA H100, 1 day ago  1 day
scratch                                 BARE........                                                             nobody                    none                          unknown
)");
  const base::Json json = REQUIRE_OK(base::parse_json(tags_json(list), "json"));
  CHECK(json["tags"].size() == 5);
  CHECK(json["tags"][1]["channel_kind"] == "lts");
  CHECK(json["tags"][4]["created"].is_null());
  CHECK(tags_text({.repository = "r"}, {}) == "no tags\n");
}
