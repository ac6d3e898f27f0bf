#include "release/publish.h"

#include <algorithm>
#include <random>

#include "catch.h"
#include "release/build_order.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

BuildTag tag_of(const std::string& build, const std::string& cuda = "11.8") {
  return REQUIRE_OK(
      BuildTag::make({.pytorch = "2.6", .cuda = cuda, .os = "ubuntu20.04", .build = build}));
}

oci::Digest digest_of(const std::string& content) { return oci::Digest::of(content); }

PublishedTag published(const std::string& build, const std::string& content) {
  return {tag_of(build).to_string(), digest_of(content)};
}

// Ids over a small alphabet, so that neighbours and leading zeros are common.
std::string random_id(std::mt19937& random) {
  constexpr std::string_view kAlphabet = "0199.._ab";
  std::string id = "v" + std::to_string(random() % 12);
  for (std::size_t n = random() % 7; n > 0; --n) id += kAlphabet[random() % kAlphabet.size()];
  return id;
}

}  // namespace

TEST_CASE("build ids are ordered as people count") {
  const std::vector<std::string> ordered = {
      "v1",         "v1.0",       "v1.9",        "v1.10",  "v2",      "v2.6",    "v2.6.1",
      "v2.6.1_rc1", "v2.6.1_rc2", "v2.6.1_rc10", "v2.6.2", "v2.6.10", "v2.10.0", "v2025.11.23"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t j = 0; j < ordered.size(); ++j) {
      INFO(ordered[i] << " and " << ordered[j]);
      CHECK((compare_build_ids(ordered[i], ordered[j]) == (i <=> j)));
    }
  }
  CHECK((compare_build_ids("v1.01", "v1.1") != 0));
  CHECK((compare_build_ids("v99999999999999999999999999", "v100000000000000000000000000") < 0));
}

TEST_CASE("the order of build ids is a total order, and the next one comes after") {
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    const std::string a = random_id(random), b = random_id(random), c = random_id(random);
    INFO(a << " " << b << " " << c);
    REQUIRE((compare_build_ids(a, b) == 0) == (a == b));
    REQUIRE((compare_build_ids(a, b) < 0) == (compare_build_ids(b, a) > 0));
    if (compare_build_ids(a, b) < 0 && compare_build_ids(b, c) < 0) {
      REQUIRE((compare_build_ids(a, c) < 0));
    }
    const std::string next = REQUIRE_OK(next_build_id(a));
    REQUIRE((compare_build_ids(a, next) < 0));
    REQUIRE(series_of(next) == series_of(a));
  }
}

TEST_CASE("the next build id counts its last number up") {
  CHECK(REQUIRE_OK(next_build_id("v2.6.1")) == "v2.6.2");
  CHECK(REQUIRE_OK(next_build_id("v2.6.9")) == "v2.6.10");
  CHECK(REQUIRE_OK(next_build_id("v2025.01.09")) == "v2025.01.10");
  CHECK(REQUIRE_OK(next_build_id("v1_rc9b")) == "v1_rc10b");
  CHECK_FALSE(next_build_id("2.6.1"));
  CHECK_FALSE(next_build_id("v" + std::string(63, '9')));  // 65 characters would be too many
}

TEST_CASE("a build tag is written once") {
  const BuildTag tag = tag_of("v2.6.1");
  CHECK(REQUIRE_OK(decide_publication(tag, digest_of("a"), std::nullopt)) == Publication::write);
  CHECK(REQUIRE_OK(decide_publication(tag, digest_of("a"), digest_of("a"))) ==
        Publication::present);
  const auto refused = decide_publication(tag, digest_of("a"), digest_of("b"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().message().find(digest_of("a").to_string()) != std::string::npos);
  CHECK(refused.error().message().find(digest_of("b").to_string()) != std::string::npos);
  CHECK(refused.error().hint().find("--bump") != std::string::npos);
}

TEST_CASE("builds of the same components and series are found, oldest first") {
  const std::vector<std::string> tags = {"nightly",
                                         tag_of("v2.6.10").to_string(),
                                         tag_of("v2.6.2", "12.4").to_string(),
                                         tag_of("v2.7.1").to_string(),
                                         "sha256-0.sig",
                                         tag_of("v2.6.9").to_string(),
                                         tag_of("v2.6.9").to_string()};
  const std::vector<BuildTag> builds = builds_like(tag_of("v2.6.1"), tags);
  REQUIRE(builds.size() == 2);
  CHECK(builds[0] == tag_of("v2.6.9"));
  CHECK(builds[1] == tag_of("v2.6.10"));
}

TEST_CASE("--bump takes the next free build id, and none for the same digest") {
  const auto bump_to = [](const std::string& wanted, const std::string& content,
                          const std::vector<PublishedTag>& tags) {
    const Bump out = REQUIRE_OK(bump(tag_of(wanted), digest_of(content), tags));
    return out.tag.parts().build + (out.present ? " present" : "");
  };
  CHECK(bump_to("v2.6.1", "new", {}) == "v2.6.1");
  const std::vector<PublishedTag> two = {published("v2.6.1", "one"), published("v2.6.2", "two")};
  CHECK(bump_to("v2.6.1", "new", two) == "v2.6.3");
  CHECK(bump_to("v2.6.1", "two", two) == "v2.6.2 present");
  CHECK(bump_to("v2.6.1", "one", two) == "v2.6.3");  // the newest counts, not any
  CHECK(bump_to("v2.6.7", "new", two) == "v2.6.7");
  CHECK(bump_to("v2.7.0", "new", two) == "v2.7.0");  // another series
  CHECK(bump_to("v2.6.0", "new", two) == "v2.6.3");
}

TEST_CASE("--bump never takes a tag that is taken") {
  std::mt19937 random(2);
  for (int i = 0; i < 3000; ++i) {
    std::vector<PublishedTag> tags;
    for (std::size_t n = random() % 8; n > 0; --n) {
      tags.push_back(
          published("v2.6." + std::to_string(random() % 12), std::to_string(random() % 5)));
    }
    const BuildTag wanted = tag_of("v2.6." + std::to_string(random() % 12));
    const oci::Digest digest = digest_of(std::to_string(random() % 5));
    const Bump out = REQUIRE_OK(bump(wanted, digest, tags));
    const auto same = std::find_if(tags.begin(), tags.end(), [&](const PublishedTag& one) {
      return one.tag == out.tag.to_string() && (!out.present || one.digest == digest);
    });
    REQUIRE((same != tags.end()) == out.present);
    for (const PublishedTag& one : tags) {
      const BuildTag other = REQUIRE_OK(BuildTag::parse(one.tag));
      REQUIRE((compare_build_ids(other.parts().build, out.tag.parts().build) <= 0));
    }
  }
}
