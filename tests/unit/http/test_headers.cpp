#include "catch.h"
#include "http/headers.h"

using imgforge::http::Headers;

TEST_CASE("header names compare without case") {
  Headers headers{{"Content-Length", "42"}, {"X-Two", "a"}, {"x-two", "b"}};
  CHECK(headers.get("content-length") == "42");
  CHECK(headers.number("CONTENT-LENGTH") == 42u);
  CHECK(headers.all("X-TWO") == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(headers.get("content-lengt"));
  headers.set("X-two", "c");
  CHECK(headers.all("x-two") == std::vector<std::string>{"c"});
  headers.set("Content-Length", "4 2");
  CHECK_FALSE(headers.number("Content-Length"));
}
