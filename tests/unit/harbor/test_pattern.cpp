#include "catch.h"
#include "error_text.h"
#include "harbor/pattern.h"
#include "harbor/tag_rules.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

bool matches(const char* pattern, const char* name) {
  return REQUIRE_OK(Pattern::parse(pattern)).matches(name);
}

std::string found(const char* channel, const char* rule, bool outside = false) {
  return find_tag(REQUIRE_OK(Pattern::parse(channel)), REQUIRE_OK(Pattern::parse(rule)), outside)
      .value_or("");
}

}  // namespace

TEST_CASE("patterns as Harbor understands them") {
  struct Case {
    const char* pattern;
    const char* name;
    bool match;
  };
  const Case cases[] = {
      {"v2.6.1", "v2.6.1", true},
      {"v2.6.1", "v2x6x1", false},
      {"v*.*.*", "v1.2.3", true},
      {"v*.*.*", "v1.2.3-lts", true},  // harbor#19328
      {"v*.*.*", "v1.2", false},
      {"v[0-9]*", "v2.6-lts", true},
      {"v[0-9]*", "vx", false},
      {"[^a-c]?", "dz", true},
      {"[^a-c]?", "az", false},
      {"{latest,*-lts}", "v2-lts", true},
      {"{latest,*-lts}", "latest", true},
      {"{latest,*-lts}", "lates", false},
      {"a{b,c}{d,e}", "ace", true},
      {"a{b,c}{d,e}", "ad", false},
      {"a,b", "a,b", true},
      {"a,b", "a", false},
      {"*", "anything", true},
      {"*", "team/torch", false},
      {"**", "team/torch", true},
      {"**", "torch", true},
      {"team/**", "team/a/b", true},
      {"team/**", "other/a", false},
      {"**/torch", "a/b/torch", true},
      {"**/torch", "torch", true},
      {"**/torch", "a/xtorch", false},
      {"a/**/z", "a/z", true},
      {"a/**/z", "a/b/c/z", true},
      {"a/*/z", "a/b/c/z", false},
      {"?", "/", false},
  };
  for (const Case& one : cases) {
    INFO(one.pattern << " " << one.name);
    CHECK(matches(one.pattern, one.name) == one.match);
  }
}

TEST_CASE("patterns that Harbor would refuse or understand otherwise") {
  for (const char* wrong : {"",     "a{b",  "a}b",  "{a,{b,c}}", "{a,}",    "[a", "a]", "[]",
                            "[-a]", "[a-]", "[!a]", "a\\b",      "v[0-9]+", "^v", "v$", "(a|b)",
                            "a b",  "v**",  "**.1", "a//b",      "{a/b,c}", "[{]"}) {
    INFO(wrong);
    CHECK_FALSE(Pattern::parse(wrong));
  }
  CHECK_FALSE(Pattern::parse(std::string(1025, 'a')));
  CHECK_FALSE(Pattern::parse("{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}{a,b}"));
}

TEST_CASE("a tag that a channel and a rule share") {
  CHECK(found("nightly", "n*") == "nightly");
  CHECK(found("nightly", "v*").empty());
  CHECK(found("*-lts", "v*") == "v-lts");
  CHECK(found("v*-lts", "pytorch*-v[0-9]*").empty());
  CHECK(found("*-lts", "pytorch*-v[0-9]*") == "pytorch-v0-lts");
  CHECK(found("v[0-9].[0-9]-lts", "v*.*.*").empty());
  // A rule that excludes covers everything else.
  CHECK(found("nightly", "{latest,*-lts}", true) == "nightly");
  CHECK(found("v*-lts", "{latest,*-lts}", true).empty());
  CHECK(found("*", "{latest,*-lts}", true) == "x");
  // What it finds is matched by both.
  for (const char* channel : {"*a*b*", "v?[0-9]*", "{x,y}*-z", "*-*-*"}) {
    for (const char* rule : {"*b", "v1*", "*z", "??*"}) {
      const std::string tag = found(channel, rule);
      if (tag.empty()) continue;
      CHECK(matches(channel, tag.c_str()));
      CHECK(matches(rule, tag.c_str()));
    }
  }
}

TEST_CASE("the rule that would refuse to move a tag") {
  const std::vector<ImmutableRule> rules = {
      {.id = 1, .disabled = true, .tags = {.pattern = "**"}},
      {.id = 2, .tags = {.pattern = "v*"}, .repositories = {.pattern = "team/**"}},
      {.id = 3,
       .tags = {.excludes = true, .pattern = "{nightly,v*}"},
       .repositories = {.excludes = true, .pattern = "team/**"}},
      {.id = 4, .tags = {.pattern = "(not)?understood"}, .repositories = {.pattern = "odd"}}};
  const auto id = [&](const char* repository, const char* tag) {
    const auto rule = covering_rule(rules, {"ml", repository}, tag);
    return rule ? rule->id : 0;
  };
  CHECK(id("team/torch", "v1") == 2);
  CHECK(id("torch", "v1") == 0);
  CHECK(id("torch", "nightly") == 0);
  CHECK(id("torch", "latest") == 3);
  CHECK(id("team/torch", "latest") == 0);
  CHECK(id("odd", "nightly") == 4);  // to be on the safe side
}
