#include "base/text.h"
#include "catch.h"
#include "layer/wheel_record.h"

using namespace imgforge;
using namespace imgforge::layer;

TEST_CASE("RECORD rows come in with every spelling of CSV") {
  const auto rows =
      REQUIRE_OK(parse_record("a.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\r\n"
                              "\"with, comma \"\"q\"\".txt\",sha512=abc=,17\n"
                              "\n"
                              "d/RECORD,,",
                              "RECORD"));
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].path == "a.py");
  CHECK(rows[0].algorithm == "sha256");
  CHECK(rows[0].size == 0);
  REQUIRE(sha256_of(rows[0]));
  CHECK(base::to_hex(*sha256_of(rows[0])) ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(rows[1].path == "with, comma \"q\".txt");
  CHECK(rows[1].algorithm == "sha512");
  CHECK(rows[1].hash == "abc");
  CHECK(rows[1].size == 17);
  CHECK(rows[2].path == "d/RECORD");
  CHECK(rows[2].algorithm.empty());
  CHECK(!rows[2].size);
}

TEST_CASE("bad RECORDs are refused with the line") {
  struct Case {
    const char* text;
    int line;
  };
  const auto bad = GENERATE(Case{"a,,\nb,", 2}, Case{"a,,\nb,,,\n", 2}, Case{"\"a,,\n", 1},
                            Case{"a,sha256,1\n", 1}, Case{"a,,\nb,,\n,sha256=x,1\n", 3},
                            Case{"a,sha256=x,many\n", 1});
  CAPTURE(bad.text);
  const auto parsed = parse_record(bad.text, "RECORD");
  REQUIRE(!parsed);
  CHECK(parsed.error().code() == Errc::invalid);
  CHECK(parsed.error().where().line == bad.line);
  CHECK(parsed.error().where().file == "RECORD");
  CHECK(!parse_record("a,,\nb,,\na,,\n", "RECORD"));  // twice
}

TEST_CASE("what is written is read again") {
  base::Sha256Value value;
  for (std::size_t i = 0; i < value.size(); ++i) value[i] = std::byte(i * 37 + 251);
  for (const std::string path :
       {"plain.py", "with,comma", "with \"quotes\"", "two\nlines", "na\u00efve/\u65e5.txt"}) {
    const auto rows =
        REQUIRE_OK(parse_record(format_record_row(record_row(path, value, 123456789012)), "R"));
    REQUIRE(rows.size() == 1);
    CHECK(rows[0].path == path);
    CHECK(rows[0].size == 123456789012);
    CHECK(sha256_of(rows[0]) == value);
  }
  CHECK(format_record_row({.path = "x/RECORD"}) == "x/RECORD,,\n");
  CHECK(!sha256_of({.path = "a", .algorithm = "sha256", .hash = "dG9vIHNob3J0"}));
  CHECK(!sha256_of({.path = "a", .algorithm = "sha256", .hash = "not base64!"}));
}
