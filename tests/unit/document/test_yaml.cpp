#include "base/json.h"
#include "catch.h"
#include "document/node.h"
#include "error_text.h"

using namespace imgforge;
using document::canonical;
using document::Node;
using document::parse_yaml;

namespace {

std::string refusal(std::string_view text) {
  const auto node = parse_yaml(text, "a.yaml");
  return node ? "accepted: " + canonical(*node) : "\n" + error_text(node.error());
}

std::string canonical_of(std::string_view text) {
  return canonical(REQUIRE_OK(parse_yaml(text, "a.yaml")));
}

Node at(const Node& map, std::string_view key) {
  const auto found = map.find(key);
  REQUIRE(found);
  return *found;
}

std::string place(const Node& node) {
  return std::to_string(node.where().line) + ":" + std::to_string(node.where().column);
}

}  // namespace

TEST_CASE("every value knows its place") {
  const Node root =
      REQUIRE_OK(parse_yaml("# comment\n"
                            "image: x\r\n"
                            "layers:\n"
                            "  - use: os/debian12\n"
                            "    with: {version: \"3.10\", list: [ä, b]}\n"
                            "script: |\n"
                            "  echo hi\n"
                            "empty:\n"
                            "last: ~\n",
                            "dir/a.yaml"));
  CHECK(root.where().file == "dir/a.yaml");
  CHECK(place(at(root, "image")) == "2:8");
  CHECK(at(root, "image").where().text == "image: x");
  const Node use = at(root, "layers").items()[0];
  CHECK(place(use) == "4:5");
  CHECK(place(at(use, "use")) == "4:10");
  const Node with = at(use, "with");
  CHECK(place(at(with, "version")) == "5:21");
  CHECK(at(with, "version").quoted());
  // Columns count characters: the ä before b is one.
  CHECK(place(at(with, "list").items()[1]) == "5:39");
  CHECK(place(at(root, "script")) == "6:9");
  CHECK(at(root, "script").text() == "echo hi\n");
  CHECK(at(root, "empty").is_null());
  CHECK(at(root, "empty").where().line == 8);
  CHECK(place(at(root, "last")) == "9:7");
}

TEST_CASE("scalars keep their text") {
  const Node root = REQUIRE_OK(
      parse_yaml("{a: no, b: 012, c: 3.10, d: 0x1F, e: 2025-05-20T00:00:00Z, f: 1e3}", "a.yaml"));
  CHECK(at(root, "a").text() == "no");
  CHECK(at(root, "b").text() == "012");
  CHECK(at(root, "c").text() == "3.10");
  CHECK(at(root, "e").text() == "2025-05-20T00:00:00Z");
  CHECK(canonical(root) ==
        R"({"a":"no","b":"012","c":3.10,"d":"0x1F","e":"2025-05-20T00:00:00Z","f":"1e3"})");
}

TEST_CASE("canonical text does not depend on layout, and does depend on content") {
  const std::string block = "b: 1\na: [x, 'y']\nc:\n  d: true\n";
  CHECK(canonical_of(block) == R"({"a":["x","y"],"b":1,"c":{"d":true}})");
  CHECK(canonical_of("# hi\r\na:\r\n- x\r\n- y # there\r\nc: {d: true}\r\nb: 1\r\n") ==
        canonical_of(block));
  CHECK(canonical_of(R"({"a":["x","y"],"b":1,"c":{"d":true}})") == canonical_of(block));
  CHECK(canonical_of("\xef\xbb\xbf" + block) == canonical_of(block));
  CHECK(canonical_of("v: 3.10") != canonical_of("v: 3.1"));
  CHECK(canonical_of("v: true") != canonical_of("v: 'true'"));
  CHECK(canonical_of("v: 1") != canonical_of("v: '1'"));
  CHECK(canonical_of("v: ") == R"({"v":null})");
  CHECK(canonical_of("v: ''") == R"({"v":""})");
  CHECK(canonical_of("v: -0.5") == R"({"v":-0.5})");
  CHECK(canonical_of("v: 00.5") == R"({"v":"00.5"})");
  CHECK(canonical_of("v: 12345678901234567890") == R"({"v":"12345678901234567890"})");
}

TEST_CASE("JSON is read, with tabs and without spaces") {
  CHECK(canonical_of("{\n\t\"a\":\t[1,\n\t\t\"x\\n\\u00e4\\/\"],\n\t\"b\":{\"c\":null}\n}\n") ==
        "{\"a\":[1,\"x\\nä/\"],\"b\":{\"c\":null}}");
}

TEST_CASE("canonical text is JSON, and reading it gives itself") {
  for (const char* text :
       {"a: [1, 2.50, x, null, {b: true}]", "- '\"'\n- \"\\t\\u00e4\"\n- |\n  line\n  two\n",
        "just text", "{}", "[]", "x: ''", "-1", "~"}) {
    const std::string once = canonical_of(text);
    CHECK(base::parse_json(once, "canonical"));
    CHECK(canonical_of(once) == once);
  }
}

TEST_CASE("an empty document is null at its first line") {
  for (const char* text : {"", "\n", "# only a comment\n", "---\n"}) {
    const Node node = REQUIRE_OK(parse_yaml(text, "a.yaml"));
    CHECK(node.is_null());
    CHECK(node.where().line >= 1);
    CHECK(node.where().file == "a.yaml");
  }
}

TEST_CASE("what YAML allows and we do not is refused with its place") {
  CHECK(refusal("a: 1\nb: 2\n\"a\": 3\n") == R"(
a.yaml:3:1: the key "a" stands twice in one map
  "a": 3
  ^
hint: it is already in line 1; remove one
)");
  CHECK(refusal("{b: {x: 1, y: 2, x: 3}}") == R"(
a.yaml:1:18: the key "x" stands twice in one map
  {b: {x: 1, y: 2, x: 3}}
                   ^
hint: it is already in line 1; remove one
)");
  CHECK(refusal("a: &here 1\n") == R"(
a.yaml:1:4: anchors (&name) are not allowed
  a: &here 1
     ^
hint: write the value out where it is needed
)");
  CHECK(refusal("a: *there\n") == R"(
a.yaml:1:4: aliases (*name) are not allowed
  a: *there
     ^
hint: quote a text that begins with '*'
)");
  CHECK(refusal("a: 1\nb: !!str 2\n") == R"(
a.yaml:2:4: tags (!name) are not allowed
  b: !!str 2
     ^
hint: quote a text that begins with '!'
)");
  CHECK(refusal("a: ! 2\n").find("tags (!name) are not allowed") != std::string::npos);
  CHECK(refusal("a: !!null\n").find("tags (!name) are not allowed") != std::string::npos);
  CHECK(refusal("a: &x\nb: 1\n").find("anchors (&name) are not allowed") != std::string::npos);
  CHECK(refusal("<<: {a: 1}\n") == R"(
a.yaml:1:1: merge keys (<<) are not allowed
  <<: {a: 1}
  ^
hint: write the keys out
)");
  CHECK(refusal("a: 1\n---\nb: 2\n").find("a second document begins here") != std::string::npos);
  CHECK(refusal("[a, b]: 1\n") == R"(
a.yaml:1:1: a key must be a simple text, not a list or a map
  [a, b]: 1
  ^
hint: quote a text that begins with '[' or '{'
)");
  CHECK(refusal("~: 1\n").find("a key is missing before ':'") != std::string::npos);
}

TEST_CASE("mistakes of syntax say what to do") {
  CHECK(refusal("a: b: c\n") == R"(
a.yaml:1:5: a ':' stands where no value can begin
  a: b: c
      ^
hint: quote a text that contains ': ', and check the indentation of this line and the one above
)");
  CHECK(refusal("a:\n\tb: 1\n") == R"(
a.yaml:2:1: a tab stands in the indentation
  	b: 1
  ^
hint: indent with spaces
)");
  CHECK(refusal("a: [1, 2\nb: 3\n").find("a '[' is not closed") != std::string::npos);
  for (const char* open : {"a: \"x\nb: 1\n", "a: 'x\n", "a: \"x\\\"\n", "a: 'x''\n", "a: '"}) {
    CHECK(refusal(open).find("a.yaml:1:4: a quoted text is not closed") != std::string::npos);
  }
  CHECK(canonical_of("a: \"x\\\\\"\nb: 'it''s'\n") == R"({"a":"x\\","b":"it's"})");
  CHECK(refusal("a: @x\n").find("a text cannot begin with this character") != std::string::npos);
  CHECK(refusal("a: 1\n b: 2\n").find("a.yaml:2:") != std::string::npos);
  CHECK(refusal("a: 1\n}\n").find("a.yaml:2:1: ") != std::string::npos);
  CHECK(refusal("- a\nb: 1\n").find("a.yaml:2:1: ") != std::string::npos);
  CHECK(refusal("a: \"\\ud83d\"\n").find("a.yaml:1:") != std::string::npos);
}

TEST_CASE("only printable UTF-8 is text") {
  for (const std::string& text :
       {std::string("a: \x01"), std::string("a: \0b", 5), std::string("a: \xff"),
        std::string("a: \xc0\x80"), std::string("a: \xed\xa0\x80"), std::string("a: \xc3"),
        std::string("a: \xf4\x90\x80\x80"),
        std::string("\xff\xfe"
                    "a\0",
                    4),
        std::string("a: \x04 b"), std::string("a: \x7f")}) {
    CHECK(refusal(text).find("not printable UTF-8") != std::string::npos);
  }
  CHECK(canonical_of("a: \xf0\x9f\x90\x8d") == "{\"a\":\"\xf0\x9f\x90\x8d\"}");
}

TEST_CASE("depth, size and number of values are bounded") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_yaml(nested(64), "a.yaml"));
  CHECK(refusal(nested(65)).find("a.yaml:1:65: the document is nested deeper than 64 levels") !=
        std::string::npos);
  CHECK(refusal(nested(100'000)).find("nested deeper than 64 levels") != std::string::npos);
  CHECK(refusal("a: " + std::string(4 << 20, 'x')).find("larger than 4 MiB") != std::string::npos);
  std::string many = "[";
  for (int i = 0; i < 100'001; ++i) many += "a,";
  CHECK(refusal(many + "]").find("more than 100000 values") != std::string::npos);
}

TEST_CASE("a long line is not shown, its place is") {
  const auto node = parse_yaml("a: " + std::string(300, 'x') + ": y", "a.yaml");
  REQUIRE_FALSE(node);
  CHECK(node.error().where().line == 1);
  CHECK(node.error().where().column > 300);
  CHECK(node.error().where().text.empty());
}
