#include "base/text.h"

#include "base/sha256.h"
#include "base/time.h"
#include "catch.h"

using namespace imgforge::base;

TEST_CASE("hex and base64 are inverses and refuse garbage") {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  for (std::size_t n = 0; n < bytes.size(); n += 7) {
    const std::string part = bytes.substr(0, n);
    CHECK(from_hex(to_hex(as_bytes(part))) == part);
    CHECK(from_base64(to_base64(as_bytes(part))) == part);
    CHECK(from_base64(to_base64url(as_bytes(part))) == part);
  }
  CHECK(to_base64(as_bytes("any carnal pleas")) == "YW55IGNhcm5hbCBwbGVhcw==");
  CHECK_FALSE(from_hex("abc"));
  CHECK_FALSE(from_hex("zz"));
  CHECK_FALSE(from_base64("a"));
  CHECK_FALSE(from_base64("a b="));
}

TEST_CASE("sha256 of the empty text and of abc, as FIPS 180-4 has them") {
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_CASE("nearest suggests slips and nothing far-fetched") {
  const std::string_view known[] = {"packages", "suite", "epoch"};
  CHECK(nearest("pakages", known) == "packages");
  CHECK(nearest("Epoch", known) == "epoch");
  CHECK_FALSE(nearest("compression", known));
}

TEST_CASE("human_bytes") {
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(999) == "999 B");
  CHECK(human_bytes(1000) == "1.0 kB");
  CHECK(human_bytes(999'960) == "1.0 MB");
  CHECK(human_bytes(3'100'000'000) == "3.1 GB");
}

TEST_CASE("times are read and written") {
  CHECK(REQUIRE_OK(parse_time("2025-05-20T00:00:00Z")).value == 1747699200);
  CHECK(REQUIRE_OK(parse_time("2025-05-20T02:00:00.5+02:00")).value == 1747699200);
  CHECK(REQUIRE_OK(parse_time("1747699200")).value == 1747699200);
  CHECK(format_time({1747699200}) == "2025-05-20T00:00:00Z");
  CHECK(format_time({0}) == "1970-01-01T00:00:00Z");
  for (const char* wrong :
       {"", "2025-13-01T00:00:00Z", "2025-02-30T00:00:00Z", "2025-05-20T24:00:00Z",
        "2025-05-20T00:00:00", "2025-05-20T00:00:00+2"}) {
    INFO(wrong);
    CHECK_FALSE(parse_time(wrong));
  }
}

TEST_CASE("lines and split keep what people expect") {
  CHECK(lines("a\r\nb\n").size() == 2);
  CHECK(lines("a\r\nb\n")[0] == "a");
  CHECK(lines("a\n\nb").size() == 3);
  CHECK(split("a,,b", ',').size() == 3);
  CHECK(shell_quote("it's") == "'it'\\''s'");
  CHECK(shell_quote("a/b:c@d") == "a/b:c@d");
}
