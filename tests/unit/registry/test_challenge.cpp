#include "catch.h"
#include "registry/challenge.h"

using imgforge::registry::Challenge;
using imgforge::registry::parse_challenges;

namespace {

using Challenges = std::vector<Challenge>;

Challenge challenge(std::string scheme, std::map<std::string, std::string> parameters = {},
                    std::string token68 = "") {
  return {std::move(scheme), std::move(token68), std::move(parameters)};
}

}  // namespace

TEST_CASE("a Bearer challenge, with commas inside its scope") {
  CHECK(
      parse_challenges({R"(Bearer realm="https://auth.example/token",service="registry",)"
                        R"(scope="repository:a/b:pull,push repository:c/d:pull")"}) ==
      Challenges{challenge("bearer", {{"realm", "https://auth.example/token"},
                                      {"service", "registry"},
                                      {"scope", "repository:a/b:pull,push repository:c/d:pull"}})});
}

TEST_CASE("several challenges in one field and in several fields") {
  const Challenges expected = {
      challenge("basic", {{"realm", "simple, with a comma"}, {"charset", "UTF-8"}}),
      challenge("negotiate"), challenge("bearer", {{"realm", "r"}, {"error", "invalid_token"}})};
  CHECK(parse_challenges({R"(Basic realm="simple, with a comma", charset="UTF-8", Negotiate, )"
                          R"(Bearer realm=r, error=invalid_token)"}) == expected);
  CHECK(parse_challenges({R"(Basic realm="simple, with a comma", charset="UTF-8")", "Negotiate",
                          R"(Bearer realm=r,error="invalid_token")"}) == expected);
}

TEST_CASE("schemes and names have no case, quotes escape, blanks stand around '='") {
  CHECK(parse_challenges({"BEARER Realm = \"a \\\"quoted\\\" \\\\ realm\" , SERVICE\t=\ts"}) ==
        Challenges{challenge("bearer", {{"realm", R"(a "quoted" \ realm)"}, {"service", "s"}})});
}

TEST_CASE("token68 is told from a parameter") {
  CHECK(
      parse_challenges({"Negotiate YWJjZGVmZw==, Basic realm=x"}) ==
      Challenges{challenge("negotiate", {}, "YWJjZGVmZw=="), challenge("basic", {{"realm", "x"}})});
  CHECK(parse_challenges({"Custom abc="}) == Challenges{challenge("custom", {}, "abc=")});
  CHECK(parse_challenges({"Custom abc=d"}) == Challenges{challenge("custom", {{"abc", "d"}})});
}

TEST_CASE("empty list elements and an empty field are nothing") {
  CHECK(parse_challenges({""}).empty());
  CHECK(parse_challenges({" , ,"}).empty());
  CHECK(parse_challenges({}).empty());
  CHECK(parse_challenges({",, Basic realm=x,, ,service=y ,"}) ==
        Challenges{challenge("basic", {{"realm", "x"}, {"service", "y"}})});
}

TEST_CASE("what breaks the grammar ends the field, and what stood before counts") {
  CHECK(parse_challenges({R"(Basic realm="x", broken="not closed)"}) ==
        Challenges{challenge("basic", {{"realm", "x"}})});
  CHECK(parse_challenges({R"(Basic realm="x" service="y")"}) ==
        Challenges{challenge("basic", {{"realm", "x"}})});
  CHECK(parse_challenges({"\"nothing\""}).empty());
  CHECK(parse_challenges({"Basic=x"}).empty());
  CHECK(parse_challenges({"Bearer realm=\"", "Basic realm=ok"}) ==
        Challenges{challenge("bearer"), challenge("basic", {{"realm", "ok"}})});
}

TEST_CASE("of a parameter that stands twice the first counts") {
  CHECK(parse_challenges({"Bearer realm=first, realm=second"}) ==
        Challenges{challenge("bearer", {{"realm", "first"}})});
}

TEST_CASE("every prefix of a challenge is read without harm") {
  const std::string whole =
      R"(Bearer realm="https://a.example/t?x=\"y\"",service=s , Negotiate ab==,Basic realm="z")";
  std::size_t most = 0;
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const auto found = parse_challenges({whole.substr(0, length)});
    REQUIRE(found.size() <= 3);
    for (const Challenge& one : found) REQUIRE_FALSE(one.scheme.empty());
    most = std::max(most, found.size());
  }
  CHECK(most == 3);
}
