#include "cli/yaml.h"

#include "catch.h"
#include "document/node.h"
#include "error_text.h"

using namespace imgforge;

TEST_CASE("YAML that is written is read back as the same value") {
  const base::Json value = {
      {"words", {"plain", "two words", "", "- dash", "a: b", "#", "line\nbreak", "$(x)", "é"}},
      {"like other types", {"yes", "No", "null", "1.0", "0x10", "2026-01-01", "~", "true", "y"}},
      {"types", {1, true, false, 2.5}},
      {"empty", {{"list", base::Json::array()}, {"map", base::Json::object()}}},
      {"nested", {{{"a", {{"b", 1}}}, {"c", {1, {{"d", 2}}}}}}}};
  const std::string text = cli::to_yaml(value);
  INFO(text);
  const auto read = REQUIRE_OK(document::parse_yaml(text, "x.yaml"));
  // canonical() types scalars that are not quoted: texts that look like something else come back as
  // texts only if they were quoted.
  CHECK(document::canonical(read) == base::canonical_json(value));
}
