#include "release/pattern.h"

#include <random>

#include "catch.h"
#include "release/duration.h"

using namespace imgforge;
using namespace imgforge::release;

namespace {

bool matches(const std::string& pattern, const std::string& name) {
  return REQUIRE_OK(Pattern::parse(pattern)).matches(name);
}

// What the grammar says, by trying everything: slow and plainly right.
bool matches_slowly(std::string_view pattern, std::string_view name) {
  if (pattern.empty()) return name.empty();
  if (pattern.starts_with("**")) {
    return matches_slowly(pattern.substr(2), name) ||
           (!name.empty() && matches_slowly(pattern, name.substr(1)));
  }
  if (pattern[0] == '*') {
    return matches_slowly(pattern.substr(1), name) ||
           (!name.empty() && name[0] != '/' && matches_slowly(pattern, name.substr(1)));
  }
  if (name.empty()) return false;
  const bool same = pattern[0] == '?' ? name[0] != '/' : pattern[0] == name[0];
  return same && matches_slowly(pattern.substr(1), name.substr(1));
}

std::string random_text(std::mt19937& random, std::string_view alphabet, std::size_t maximum) {
  std::string out;
  for (std::size_t n = random() % (maximum + 1); n > 0; --n) {
    out += alphabet[random() % alphabet.size()];
  }
  return out;
}

}  // namespace

TEST_CASE("patterns match names as the grammar says") {
  CHECK(matches("main", "main"));
  CHECK_FALSE(matches("main", "maine"));
  CHECK_FALSE(matches("main", "feat/main"));
  CHECK(matches("feat/*", "feat/x"));
  CHECK_FALSE(matches("feat/*", "feat/x/y"));
  CHECK(matches("feat/**", "feat/x/y"));
  CHECK(matches("v*-lts", "v2.6-lts"));
  CHECK(matches("v?-lts", "v2-lts"));
  CHECK_FALSE(matches("a?b", "a/b"));
  CHECK(matches("v[0-9]", "v7"));
  CHECK_FALSE(matches("v[!0-9]", "v7"));
  CHECK(matches("v[!0-9]", "vx"));
  CHECK_FALSE(matches("a[!b]c", "a/c"));
  CHECK(matches("[]]", "]"));
  CHECK(matches("[a-]", "-"));
  CHECK_FALSE(Pattern::parse(""));
  CHECK_FALSE(Pattern::parse("a[b"));
  CHECK_FALSE(Pattern::parse("a[b-a]"));
}

TEST_CASE("matching agrees with trying everything") {
  std::mt19937 random(3);
  int hits = 0;
  for (int i = 0; i < 50000; ++i) {
    const std::string pattern = "a" + random_text(random, "ab/*?*", 5);
    const std::string name = "a" + random_text(random, "ab/", 5);
    INFO(pattern << " and " << name);
    const bool expected = matches_slowly(pattern, name);
    REQUIRE(matches(pattern, name) == expected);
    hits += expected ? 1 : 0;
  }
  CHECK(hits > 1000);
}

TEST_CASE("two patterns overlap exactly when a name matches both") {
  // All names up to four characters decide, which is enough for patterns of up to three tokens.
  std::vector<std::string> names = {""};
  for (std::size_t at = 0; at < names.size(); ++at) {
    if (names[at].size() == 6) continue;
    for (const char c : {'a', 'b', '/'}) names.push_back(names[at] + c);
  }
  std::mt19937 random(4);
  int overlaps = 0;
  for (int i = 0; i < 1500; ++i) {
    const std::string x = "a" + random_text(random, "ab/*?", 2);
    const std::string y = random_text(random, "ab/*?", 2) + "b";
    const Pattern p = REQUIRE_OK(Pattern::parse(x)), q = REQUIRE_OK(Pattern::parse(y));
    bool expected = false;
    for (const std::string& name : names) expected |= p.matches(name) && q.matches(name);
    INFO(x << " and " << y);
    REQUIRE(p.overlaps(q) == expected);
    REQUIRE(q.overlaps(p) == expected);
    overlaps += expected ? 1 : 0;
  }
  CHECK(overlaps > 100);
  CHECK(overlaps < 1400);
}

TEST_CASE("a pattern of many stars takes no longer than a plain one") {
  std::string pattern, name(4000, 'a');
  for (int i = 0; i < 100; ++i) pattern += "*a";
  CHECK_FALSE(matches(pattern + "b", name));
  CHECK(matches(pattern, name));
}

TEST_CASE("what a star stands for is put elsewhere") {
  const auto star = [](const std::string& pattern, const std::string& name) {
    return captured(REQUIRE_OK(Pattern::parse(pattern)), name);
  };
  CHECK(star("v*-lts", "v2.6-lts") == "2.6");
  CHECK(star("v*-lts", "v-lts") == "");
  CHECK(star("v*-lts", "v2.6-gpu") == std::nullopt);
  CHECK(star("v*-*", "v2.6-lts") == std::nullopt);
  CHECK(star("v?*", "v2.6") == std::nullopt);
  CHECK(star("nightly", "nightly") == std::nullopt);
}

TEST_CASE("spans of time") {
  CHECK(REQUIRE_OK(parse_duration("90m")) == 5400);
  CHECK(REQUIRE_OK(parse_duration("24h")) == 86400);
  CHECK(REQUIRE_OK(parse_duration("7d")) == 604800);
  CHECK(REQUIRE_OK(parse_duration("2w")) == 1209600);
  CHECK(REQUIRE_OK(parse_duration("0h")) == 0);
  for (const char* wrong : {"", "7", "d", "-1d", "1.5h", "7 d", "7y", "99999d", "1d2h"}) {
    INFO(wrong);
    CHECK_FALSE(parse_duration(wrong));
  }
  CHECK(human_duration(0) == "0 seconds");
  CHECK(human_duration(1) == "1 second");
  CHECK(human_duration(119) == "1 minute");
  CHECK(human_duration(3 * 3600 + 5) == "3 hours");
  CHECK(human_duration(86400) == "1 day");
  CHECK(human_duration(45 * 86400) == "45 days");
  CHECK(human_duration(61 * 86400) == "2 months");
  CHECK(human_duration(400 * 86400) == "13 months");
  CHECK(human_duration(730 * 86400) == "2 years");
}
