#include "catch.h"
#include "error_text.h"
#include "harbor/explain.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

Error explained(int status, const std::string& code, const std::string& message,
                Door door = Door::distribution, const std::string& user = "robot$ml+ci") {
  const std::string body =
      R"({"errors":[{"code":")" + code + R"(","message":")" + message + R"("}]})";
  return explain(status, body, {{"Content-Type", "application/json"}},
                 {"push ml/torch:v1", "harbor.example", user, door});
}

std::string fact(const Error& error, const std::string& key) {
  for (const auto& [name, value] : error.facts()) {
    if (name == key) return value;
  }
  return {};
}

}  // namespace

TEST_CASE("each refusal is a kind, a rule and a sentence") {
  struct Case {
    int status;
    const char* code;
    const char* message;
    Errc kind;
    const char* rule;
    const char* says;
  };
  const Case cases[] = {
      {412, "PRECONDITION", "Failed to process request due to 'torch:v1' configured as immutable.",
       Errc::refused, "immutable",
       "an immutability rule of the project keeps the tag torch:v1 as it is"},
      {412, "PRECONDITION", "the tag v1 configured as immutable, cannot be deleted", Errc::refused,
       "immutable", "keeps the tag v1 as it is"},
      {412, "PROJECTPOLICYVIOLATION", "The image is not signed by cosign.", Errc::refused,
       "signature", "gives out only what is signed with cosign"},
      {412, "PROJECTPOLICYVIOLATION", "The image is not signed by notation.", Errc::refused,
       "signature", "gives out only what is signed with notation"},
      {412, "PROJECTPOLICYVIOLATION",
       "current image without vulnerability scanning cannot be pulled due to configured policy",
       Errc::refused, "not_scanned", "was not"},
      {412, "PROJECTPOLICYVIOLATION",
       "current image with 7 vulnerabilities cannot be pulled due to configured policy",
       Errc::refused, "vulnerability", "above the project's ceiling"},
      {412, "VIOLATE_FOREIGN_KEY_CONSTRAINT", "the deleting artifact is referenced by others",
       Errc::refused, "index_child", "an index refers to it"},
      {412, "PRECONDITION", "the project contains repositories, can not be deleted", Errc::refused,
       "not_empty", "something stands against it"},
      {403, "DENIED",
       "adding 10.0 GiB of storage resource, which when updated to current usage of 95.0 GiB will "
       "exceed the configured upper limit of 100 GiB.",
       Errc::refused, "quota", "the project's quota of 100 GiB is full"},
      {403, "DENIED", "The system is in read only mode. Any modification is prohibited.",
       Errc::unavailable, "read_only", "Harbor is in read-only mode"},
      {403, "DENIED", "can not push artifact to a proxy project: hub", Errc::refused, "proxy_cache",
       "the project is a proxy cache"},
      {403, "FORBIDDEN", "CSRF token not found in request", Errc::protocol, "", "one of a browser"},
      {403, "FORBIDDEN", "forbidden", Errc::forbidden, "", "robot$ml+ci has no right to it"},
      {404, "NOT_FOUND", "artifact ml/torch:v1 not found", Errc::not_found, "", "it is not there"},
      {409, "CONFLICT", "tag v1 already exists", Errc::refused, "conflict", "it exists already"},
      {413, "REQUEST_ENTITY_TOO_LARGE", "http: request body too large", Errc::refused, "",
       "too large"},
      {422, "UNPROCESSABLE_ENTITY", "page_size", Errc::invalid, "", "does not accept"},
      {405, "METHOD_NOT_ALLOWED", "no", Errc::unsupported, "proxy_cache", "does not do this"},
      {500, "UNKNOWN", "internal server error", Errc::unavailable, "", "a problem of its own"},
      {504, "", "", Errc::timed_out, "", "too long"},
      {418, "", "", Errc::protocol, "", "something unexpected"},
  };
  for (const Case& one : cases) {
    const Error error = explained(one.status, one.code, one.message);
    INFO(error_text(error));
    CHECK(error.code() == one.kind);
    CHECK(fact(error, "rule") == one.rule);
    CHECK(fact(error, "status") == std::to_string(one.status));
    CHECK(fact(error, "code") == one.code);
    CHECK(error.message().starts_with("cannot push ml/torch:v1 at harbor.example: "));
    CHECK(error.message().find(one.says) != std::string::npos);
    if (*one.rule != 0 && std::string(one.rule) != "conflict") CHECK_FALSE(error.hint().empty());
  }
}

TEST_CASE("401 means something else behind each door") {
  const auto at = [](Door door, const char* user) {
    return explained(401, "UNAUTHORIZED", "unauthorized", door, user);
  };
  CHECK(at(Door::distribution, "robot$ml+ci").code() == Errc::forbidden);
  CHECK(at(Door::rest, "robot$ml+ci").code() == Errc::unauthorized);
  CHECK(at(Door::rest, "robot$ml+ci").hint().find("single quotes") != std::string::npos);
  CHECK(at(Door::rest, "alice").hint().find("CLI secret") != std::string::npos);
  CHECK(at(Door::distribution, "").code() == Errc::unauthorized);
  CHECK(explained(401, "UNAUTHORIZED", "project ml not found").code() == Errc::not_found);
}

TEST_CASE("answers that are not Harbor's") {
  const Attempt attempt{"read the project ml", "harbor.example", "admin", Door::rest};
  const http::Headers html{{"Content-Type", "text/html; charset=utf-8"}};
  const Error page = explain(413, "<html>413 Request Entity Too Large</html>", html, attempt);
  CHECK(page.message().find('<') == std::string::npos);
  CHECK(page.hint().find("client_max_body_size") != std::string::npos);
  CHECK(explain(404, "404 page not found\n", {}, attempt).hint().find("encoded twice") !=
        std::string::npos);
  const Error moved = explain(
      301, "", {{"Location", "https://user:secret@harbor.example/api/v2.0/ping?token=1"}}, attempt);
  CHECK(moved.code() == Errc::protocol);
  CHECK(moved.message().find("https://harbor.example/api/v2.0/ping") != std::string::npos);
  CHECK(error_text(moved).find("secret") == std::string::npos);
  const Error slow = explain(429, "", {{"Retry-After", "7"}}, attempt);
  CHECK(slow.code() == Errc::rate_limited);
  CHECK(fact(slow, "retry_after") == "7");
}

TEST_CASE("bodies are read with care") {
  for (const char* body : {"", "[]", "{}", "null", R"({"errors":{}})", R"({"errors":[1,{}]})",
                           R"({"errors":[{"code":1}]})", "{\"errors\":[{\"code\":\"A"}) {
    INFO(body);
    CHECK(parse_complaints(body).empty());
  }
  const auto many = parse_complaints(
      "{\"errors\":[{\"code\":\"A\",\"message\":\"a\\nb\\u001b[1m\"},"
      "{\"message\":\"" +
      std::string(1000, 'x') + "\"}]}");
  REQUIRE(many.size() == 2);
  CHECK(many[0].message == "a b [1m");
  CHECK(many[1].message.size() == 300);
}

TEST_CASE("an immutable tag is named as a fact, and the rule where it is known") {
  const std::string body =
      R"({"errors":[{"code":"PRECONDITION","message":"due to 'team/torch:v1' configured as immutable."}]})";
  Attempt attempt{"push the tag v1", "harbor.example", "robot$ml+ci", Door::distribution};
  const Error plain = explain(412, body, {}, attempt);
  const auto has_tag = [](const Error& error) {
    for (const auto& [key, value] : error.facts()) {
      if (key == "tag") return value == "team/torch:v1";
    }
    return false;
  };
  CHECK(has_tag(plain));
  attempt.rule = "tags v* in **";
  const Error known = explain(412, body, {}, attempt);
  CHECK(known.message().find("the immutability rule 'tags v* in **' of the project keeps the tag "
                             "team/torch:v1 as it is") != std::string::npos);
}

TEST_CASE("a refusal by a rule without words, as HEAD gets it") {
  const Error error =
      explain(412, "", {}, {"pull x", "harbor.example", "robot$ml+ci", Door::distribution});
  CHECK(error.code() == Errc::refused);
  CHECK(error.message().find("a rule of the project forbids it") != std::string::npos);
  CHECK(error.hint().find("harbor status") != std::string::npos);
}
