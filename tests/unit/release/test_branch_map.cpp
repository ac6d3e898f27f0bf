#include "release/branch_map.h"

#include <random>

#include "catch.h"

using namespace imgforge;
using namespace imgforge::release;

TEST_CASE("a branch feeds its channel") {
  const BranchMap map = REQUIRE_OK(BranchMap::make({{"main", "v2.6-lts"},
                                                    {"dev", "nightly"},
                                                    {"feat/*", "v2.7-alpha"},
                                                    {"release/**", "v2.6-gpu"}}));
  CHECK(map.channel_of("main") == "v2.6-lts");
  CHECK(map.channel_of("refs/heads/dev") == "nightly");
  CHECK(map.channel_of("feat/fsdp") == "v2.7-alpha");
  CHECK(map.channel_of("feat/fsdp/two") == std::nullopt);
  CHECK(map.channel_of("release/2.6/hotfix") == "v2.6-gpu");
  CHECK(map.channel_of("Main") == std::nullopt);
  CHECK(map.channel_of("") == std::nullopt);
  CHECK(map.channels() ==
        std::vector<std::string>{"v2.6-lts", "nightly", "v2.7-alpha", "v2.6-gpu"});
}

TEST_CASE("the name of a branch goes before patterns, wherever it stands") {
  for (const bool first : {true, false}) {
    std::vector<BranchMap::Entry> entries = {{"**", "nightly"}};
    entries.insert(first ? entries.begin() : entries.end(), {"main", "v2.6-lts"});
    const BranchMap map = REQUIRE_OK(BranchMap::make(entries));
    CHECK(map.channel_of("main") == "v2.6-lts");
    CHECK(map.channel_of("other") == "nightly");
  }
}

TEST_CASE("patterns that could fight are refused before they do") {
  const auto conflict = BranchMap::make({{"feat/*", "v2.7-alpha"}, {"*/fix", "nightly"}});
  REQUIRE_FALSE(conflict);
  CHECK(conflict.error().code() == Errc::invalid);
  CHECK(conflict.error().message() ==
        "one branch can match both 'feat/*' and '*/fix', which feed v2.7-alpha and nightly");
  CHECK_FALSE(BranchMap::make({{"main", "nightly"}, {"main", "v2.6-lts"}}));
  CHECK(BranchMap::make({{"feat/*", "nightly"}, {"*/fix", "nightly"}}));
  CHECK(BranchMap::make({{"feat/*", "v2.7-alpha"}, {"fix/*", "nightly"}}));
}

TEST_CASE("a branch feeds a channel and nothing else") {
  CHECK_FALSE(BranchMap::make({{"main", "pytorch2.6-cuda11.8-ubuntu20.04-v2.6.1"}}));
  CHECK_FALSE(BranchMap::make({{"main", "v2.6 lts"}}));
  CHECK_FALSE(BranchMap::make({{"", "nightly"}}));
  CHECK_FALSE(BranchMap::make({{"feat/[a", "nightly"}}));
}

TEST_CASE("whatever map is accepted, one branch has one channel") {
  std::mt19937 random(5);
  const std::vector<std::string> patterns = {"main", "dev",   "feat/*", "feat/a", "*",
                                             "**",   "fix/*", "*/a",    "f*"};
  const std::vector<std::string> branches = {"main", "dev", "feat/a", "feat/b", "fix/a", "foo"};
  int accepted = 0;
  for (int i = 0; i < 3000; ++i) {
    std::vector<BranchMap::Entry> entries;
    for (std::size_t n = 1 + random() % 4; n > 0; --n) {
      entries.push_back(
          {patterns[random() % patterns.size()], "channel" + std::to_string(random() % 3)});
    }
    const auto map = BranchMap::make(entries);
    std::reverse(entries.begin(), entries.end());
    const auto reversed = BranchMap::make(entries);
    REQUIRE(map.has_value() == reversed.has_value());
    if (!map) continue;
    ++accepted;
    for (const std::string& branch : branches) {
      REQUIRE(map->channel_of(branch) == reversed->channel_of(branch));
    }
  }
  CHECK(accepted > 300);
}
