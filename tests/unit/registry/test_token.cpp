#include "catch.h"
#include "error_text.h"
#include "registry/token.h"

using namespace imgforge;
using namespace std::chrono_literals;
using registry::parse_token;
using registry::Scopes;

TEST_CASE("the GET form: a parameter for each scope, names of robots escaped") {
  const Scopes scopes = Scopes::parse("repository:a/b:pull,push repository:c/d:pull");
  CHECK(registry::token_url({"https://auth.example/token", "Harbor registry"}, scopes,
                            "robot$p+ci") ==
        "https://auth.example/token?service=Harbor%20registry"
        "&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%2Fd%3Apull"
        "&account=robot%24p%2Bci");
  CHECK(registry::token_url({"https://auth.example/token?tenant=1#part", ""}, {}, "") ==
        "https://auth.example/token?tenant=1");
  CHECK(registry::token_url({"https://auth.example/token?tenant=1", "s"}, {}, "") ==
        "https://auth.example/token?tenant=1&service=s");
}

TEST_CASE("the POST form: scopes in one value") {
  const Scopes scopes = Scopes::parse("repository:a/b:pull repository:c/d:pull");
  CHECK(registry::token_form({"https://auth.example/token", "s"}, scopes, "a+b/c=") ==
        "grant_type=refresh_token&client_id=imgforge&service=s&refresh_token=a%2Bb%2Fc%3D"
        "&scope=repository%3Aa%2Fb%3Apull%20repository%3Ac%2Fd%3Apull");
}

TEST_CASE("a token under either name, with at least a minute to live") {
  const auto token = REQUIRE_OK(parse_token(R"({"token": "t", "expires_in": 300})", "x"));
  CHECK(token.value == "t");
  CHECK(token.lifetime == 300s);
  CHECK(REQUIRE_OK(parse_token(R"({"token": "", "access_token": "a"})", "x")).value == "a");
  CHECK(REQUIRE_OK(parse_token(R"({"access_token": "a"})", "x")).lifetime == 60s);
  CHECK(REQUIRE_OK(parse_token(R"({"token": "a", "expires_in": 5})", "x")).lifetime == 60s);
  CHECK(REQUIRE_OK(parse_token(R"({"token": "a", "expires_in": 18446744073709551615})", "x"))
            .lifetime == 365 * 24h);
  CHECK(registry::usable_for(300s) == 240s);
  CHECK(registry::usable_for(60s) == 30s);
}

TEST_CASE("an answer that is no token is named without its content") {
  for (const char* body : {"<html>s3cret</html>", R"({"token": "s3cret)", R"({"token": 7})", "{}",
                           R"(["s3cret"])", ""}) {
    const auto token = parse_token(body, "auth.example");
    REQUIRE_FALSE(token);
    CHECK(token.error().code() == Errc::protocol);
    CHECK(error_text(token.error()).find("s3cret") == std::string::npos);
    CHECK(error_text(token.error()).find("auth.example") != std::string::npos);
  }
}
