// Holds docs/schema/harbor-policy.schema.json and the decoder together: what is committed passes
// both, what is broken fails both.
#include "base/file.h"
#include "catch.h"
#include "harbor/policy.h"
#include "policies.h"
#include "unit/spec/schema.h"

using namespace imgforge;

TEST_CASE("the example and a policy with every key pass the schema and the decoder") {
  const Schema schema("harbor-policy.schema.json");
  const std::string path = IMGFORGE_SOURCE_DIR "/examples/harbor/policy.yaml";
  for (const std::string& text : {REQUIRE_OK(base::read_file(path)), kWhole}) {
    CHECK(schema.check(text) == "");
    REQUIRE_OK(harbor::parse_policy(text, "policy.yaml"));
  }
}

TEST_CASE("broken policies are refused by schema and decoder") {
  const Schema schema("harbor-policy.schema.json");
  for (const std::string& text : kBroken) {
    INFO(text);
    CHECK(schema.check(text) != "");
    CHECK_FALSE(harbor::parse_policy(text, "policy.yaml"));
  }
}
