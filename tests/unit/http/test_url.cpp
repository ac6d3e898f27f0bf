#include "catch.h"
#include "http/url.h"

using namespace imgforge;

TEST_CASE("a URL is shown without its secrets") {
  CHECK(http::redacted("https://user:pass@index.example/simple/?token=abc#frag") ==
        "https://index.example/simple/");
  CHECK(http::redacted("http://archive.example:8080/a%20b") == "http://archive.example:8080/a%20b");
  CHECK(http::redacted("not a url with secret") == "(an address that cannot be shown)");
}

TEST_CASE("references are resolved") {
  CHECK(REQUIRE_OK(http::resolve("https://a.example/simple/torch/", "../../f/x.whl#sha256=00")) ==
        "https://a.example/f/x.whl#sha256=00");
  CHECK(REQUIRE_OK(http::resolve("https://a.example/simple/", "//b.example/x")) ==
        "https://b.example/x");
  CHECK(REQUIRE_OK(http::resolve("https://a.example/s/", "http://c.example/y")) ==
        "http://c.example/y");
}

TEST_CASE("paths are appended with what needs it encoded") {
  CHECK(http::append_path("https://a.example/debian/", "pool/main/g/libc6_2.36-9+deb12u1~a.deb") ==
        "https://a.example/debian/pool/main/g/libc6_2.36-9%2Bdeb12u1~a.deb");
  CHECK(http::append_path("https://a.example", "/x y%") == "https://a.example/x%20y%25");
  CHECK(http::percent_decode("a%2Bb%zz%4") == "a+b%zz%4");
  CHECK(http::file_name("https://a.example/p/torch-2.6.0%2Bcu118-x.whl?x=/y#z") ==
        "torch-2.6.0+cu118-x.whl");
}

TEST_CASE("endpoints tell origins apart") {
  const auto at = [](const char* url) { return REQUIRE_OK(http::endpoint(url)); };
  CHECK(at("https://A.example/x") == at("https://a.example:443/y?z"));
  CHECK_FALSE(at("https://a.example/") == at("http://a.example/"));
  CHECK_FALSE(at("https://a.example/") == at("https://a.example:444/"));
  CHECK_FALSE(http::endpoint("::::"));
}

TEST_CASE("credentials follow to the same endpoint only") {
  CHECK(http::with_credentials_of("https://u:p@a.example/x", "https://a.example/y") ==
        "https://u:p@a.example/y");
  CHECK(http::with_credentials_of("https://u:p@a.example/x", "https://b.example/y") ==
        "https://b.example/y");
  CHECK(http::with_credentials_of("https://u:p@a.example/x", "http://a.example/y") ==
        "http://a.example/y");
  CHECK(http::with_credentials_of("https://a.example/x", "https://a.example/y") ==
        "https://a.example/y");
}
