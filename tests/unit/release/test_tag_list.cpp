#include "release/tag_list.h"

#include "catch.h"
#include "promotion_story.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

std::vector<std::string> names_of(const TagList& list) {
  std::vector<std::string> names;
  for (const TagRow& row : list.rows) names.push_back(row.tag);
  return names;
}

}  // namespace

TEST_CASE("tags are listed with what stands behind them, and housekeeping is left out") {
  for (const bool api : {true, false}) {
    Story story;
    story.repository.referrers_api = api;
    const RawManifest nine = story.image("v2.6.9"), ten = story.image("v2.6.10");
    const RawManifest bare = make_image(story.repository, "pytorch2.6-v2.6.11", "");
    story.promote("nightly", ten);
    story.repository.set_tag("latest", nine.descriptor.digest);
    story.repository.set_tag("imgforge-cache-0123", bare.descriptor.digest);

    const TagList list =
        REQUIRE_OK(list_tags(story.repository, &story.policy, "release", story.tools(), {}));
    CHECK(names_of(list) == std::vector<std::string>{"nightly", "pytorch2.6-v2.6.11",
                                                     "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.10",
                                                     "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.9",
                                                     "latest"});
    const TagRow& nightly = list.rows[0];
    CHECK(nightly.kind == TagKind::channel);
    CHECK(nightly.build == "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.10");
    CHECK(nightly.components.cuda == "11.8");
    CHECK(nightly.signers == std::vector<std::string>{"ci (bundle)", "ci (cosign)"});
    REQUIRE(nightly.probe);
    CHECK(nightly.probe->gpus[0].compute_capability == "9.0");
    CHECK(list.rows[1].signers.empty());
    CHECK_FALSE(list.rows[1].probe);
    CHECK_FALSE(list.rows[1].created);
    CHECK(list.rows[4].kind == TagKind::other);
    CHECK(list.rows[4].build == "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.9");
    CHECK(list.problems.empty());
  }
}

TEST_CASE("an image with several tags is read once") {
  Story story;
  const RawManifest image = story.image("v2.6.1");
  REQUIRE_OK(list_tags(story.repository, &story.policy, "release", story.tools(), {}));
  const std::size_t once = story.repository.blob_reads;
  for (const char* tag : {"a", "b", "c"}) story.repository.set_tag(tag, image.descriptor.digest);
  story.repository.blob_reads = 0;
  REQUIRE_OK(list_tags(story.repository, &story.policy, "release", story.tools(), {}));
  CHECK(story.repository.blob_reads == once);
}

TEST_CASE("under a trust policy only its signers are shown; without one everybody who is known") {
  Story story;
  const RawManifest image = story.image("v2.6.1");
  REQUIRE_OK(story.repository.attach(story.trust.signature("stranger", image.descriptor)));
  const auto signers = [&](const std::string& trust) {
    return REQUIRE_OK(list_tags(story.repository, nullptr, trust, story.tools(), {}))
        .rows[0]
        .signers;
  };
  CHECK(signers("release").size() == 2);
  CHECK(signers("").size() == 3);
}

TEST_CASE("an empty repository is an empty list; a silent registry is an error") {
  Story story;
  CHECK(REQUIRE_OK(list_tags(story.repository, &story.policy, "", story.tools(), {})).rows.empty());
  story.image("v2.6.1");
  story.repository.before_fetch = [](const oci::Digest&) -> Result<> {
    return fail(Errc::unavailable, "503");
  };
  CHECK_FALSE(list_tags(story.repository, &story.policy, "", story.tools(), {}));
}
