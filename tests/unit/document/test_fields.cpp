#include "catch.h"
#include "document/fields.h"
#include "error_text.h"

using namespace imgforge;
using document::Fields;
using document::Node;

namespace {

Node parse(std::string_view text) { return REQUIRE_OK(document::parse_yaml(text, "s.yaml")); }

/// What a decoder of {suite, variant, packages, merged_usr, size, env} says to `text`.
std::string decode(std::string_view text) {
  Fields fields(parse(text), "the layer");
  fields.text("suite");
  fields.choice_or("variant", {"minbase", "apt", "essential"}, "minbase");
  fields.texts_or_empty("packages");
  fields.flag_or("merged_usr", false);
  fields.integer_or("size", 0);
  fields.text_map_or_empty("env");
  fields.maps_or_empty("sources");
  const auto done = fields.finish();
  return done ? "ok" : "\n" + error_text(done.error());
}

}  // namespace

TEST_CASE("fields are read with their types") {
  Fields fields(parse("{name: 3.10, list: [a, 1], flag: true, n: -7, map: {x: 1}, none: ~,"
                      " objects: [{a: 1}, {b: 2}]}"),
                "it");
  CHECK(fields.text("name") == "3.10");
  CHECK(fields.texts("list") == std::vector<std::string>{"a", "1"});
  CHECK(fields.flag_or("flag", false));
  CHECK(fields.integer_or("n", 0) == -7);
  CHECK(fields.text_map_or_empty("map") == std::map<std::string, std::string>{{"x", "1"}});
  CHECK_FALSE(fields.optional_text("none"));
  CHECK(fields.text_or("absent", "fallback") == "fallback");
  CHECK(fields.maps_or_empty("objects").size() == 2);
  CHECK(fields.where("n").line == 1);
  CHECK(fields.finish());
}

TEST_CASE("the first mistake comes out with place, line and advice") {
  CHECK(decode("suite: bookworm") == "ok");
  CHECK(decode("suite: bookworm\npakages: [a]\n") == R"(
s.yaml:2:1: the layer has no key "pakages"
  pakages: [a]
  ^
hint: did you mean "packages"?
)");
  CHECK(decode("suite: bookworm\ntelephone: 1\n") == R"(
s.yaml:2:1: the layer has no key "telephone"
  telephone: 1
  ^
hint: its keys are: env, merged_usr, packages, size, sources, suite, variant
)");
  CHECK(decode("variant: apt\n") == R"(
s.yaml:1:1: the layer lacks the key "suite"
  variant: apt
  ^
)");
  // The misspelt key explains the missing one.
  CHECK(decode("siute: bookworm\n") == R"(
s.yaml:1:1: the layer has no key "siute"
  siute: bookworm
  ^
hint: did you mean "suite"?
)");
  CHECK(decode("suite:\nvariant: apt\n") == R"(
s.yaml:1:6: "suite" of the layer has no value
  suite:
       ^
)");
  CHECK(decode("suite: [a]\n") == R"(
s.yaml:1:8: "suite" must be a text, and here stands a list
  suite: [a]
         ^
)");
  CHECK(decode("suite: a\nvariant: minbas\n") == R"(
s.yaml:2:10: "variant" cannot be "minbas"
  variant: minbas
           ^
hint: did you mean "minbase"? possible are: minbase, apt, essential
)");
  CHECK(decode("suite: a\npackages: python3\n") == R"(
s.yaml:2:11: "packages" must be a list of texts, and here stands a single value
  packages: python3
            ^
hint: write [python3]
)");
  CHECK(decode("suite: a\npackages:\n  - a\n  - {b: c}\n") == R"(
s.yaml:4:5: an item of "packages" must be a text, and here stands a map
    - {b: c}
      ^
)");
  CHECK(decode("suite: a\nmerged_usr: yes\n") == R"(
s.yaml:2:13: "merged_usr" must be true or false
  merged_usr: yes
              ^
)");
  CHECK(decode("suite: a\nmerged_usr: 'true'\n").find("true or false") != std::string::npos);
  CHECK(decode("suite: a\nsize: 1.5\n").find("\"size\" must be a whole number") !=
        std::string::npos);
  CHECK(decode("suite: a\nsize: 99999999999999999999\n").find("whole number") != std::string::npos);
  CHECK(decode("suite: a\nenv: {x: [1]}\n") == R"(
s.yaml:2:10: "x" in "env" must be a text, and here stands a list
  env: {x: [1]}
           ^
)");
  CHECK(decode("suite: a\nsources: [a]\n").find("an item of \"sources\" must be a map") !=
        std::string::npos);
  CHECK(decode("- a\n") == R"(
s.yaml:1:1: the layer must be a map of keys, and here stands a list
  - a
  ^
)");
}

TEST_CASE("a decoder's own complaint has the place of the value") {
  Fields fields(parse("a: 1\nb: two\n"), "it");
  fields.text("a");
  fields.text("b");
  fields.reject("b", "b must be small", "write 2");
  fields.reject("a", "only the first counts");
  const auto done = fields.finish();
  REQUIRE_FALSE(done);
  CHECK(error_text(done.error()) ==
        "s.yaml:2:4: b must be small\n  b: two\n     ^\nhint: write 2\n");
}
