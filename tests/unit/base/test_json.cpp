#include "base/json.h"

#include "catch.h"

using namespace imgforge;
using namespace imgforge::base;

TEST_CASE("duplicate keys, depth and syntax are refused with a place") {
  CHECK(parse_json(R"({"a":1,"a":2})", "doc").error().summary() ==
        "doc is not valid: the key \"a\" stands twice in one object");
  CHECK_FALSE(parse_json(std::string(100, '['), "doc", 64));
  const auto broken = parse_json("{\n  \"a\": nope\n}", "doc");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().where().line == 2);
  CHECK(broken.error().where().text == "  \"a\": nope");
}

TEST_CASE("a reader reports the first wrong field and unknown keys with a suggestion") {
  const Json document = REQUIRE_OK(parse_json(R"({"name":"x","size":-1})", "doc"));
  JsonReader reader(document, "doc");
  CHECK(reader.text("name") == "x");
  reader.number("size");
  CHECK(reader.finish().error().summary() ==
        "doc.size must be a whole number that is not negative");

  const Json slip = REQUIRE_OK(parse_json(R"({"nmae":"x"})", "doc"));
  JsonReader other(slip, "doc");
  other.optional_text("name");
  const auto result = other.finish();
  REQUIRE_FALSE(result);
  CHECK(result.error().hint() == "did you mean \"name\"?");
}

TEST_CASE("canonical JSON is sorted and dense") {
  CHECK(canonical_json(Json{{"b", 1}, {"a", {1, 2}}}) == R"({"a":[1,2],"b":1})");
}
