#include "catch.h"
#include "error_text.h"
#include "registry/answer.h"

using namespace imgforge;
using registry::answer_error;
using registry::Asked;
using registry::ErrorEntry;
using registry::parse_error_body;

namespace {

const http::Request kRequest{.url = "https://reg.example/v2/a/b/manifests/1?secret=s3cret"};
const Asked kNobody{.host = "reg.example", .repository = "a/b", .what = "tag 1 of a/b"};
const Asked kAlice{.host = "reg.example",
                   .repository = "a/b",
                   .what = "tag 1 of a/b",
                   .user = "alice",
                   .credentials = true};

http::Response answer(int status, std::string body = "", std::string type = "application/json") {
  return {.status = status,
          .headers = {{"Content-Type", std::move(type)}},
          .url = kRequest.url,
          .error_body = std::move(body)};
}

std::string body(const char* code, const char* message) {
  return std::string(R"({"errors":[{"code":")") + code + R"(","message":")" + message + "\"}]}";
}

std::string text(const Error& error) {
  const std::string shown = error_text(error);
  CHECK(shown.find("s3cret") == std::string::npos);
  return shown;
}

}  // namespace

TEST_CASE("error bodies by the specification, and bodies of every other form") {
  CHECK(parse_error_body(
            R"({"errors":[{"code":"A","message":"a","detail":{"x":1}},{"code":"B"}]})") ==
        std::vector<ErrorEntry>{{"A", "a"}, {"B", ""}});
  CHECK(parse_error_body("{\"errors\":[{\"message\":\"two\\nlines\\u001b[31m\"}]}") ==
        std::vector<ErrorEntry>{{"", "two lines [31m"}});
  for (const char* other : {"", "404 page not found", "<html>", "{}", "[]", "{\"errors\":7}",
                            R"({"errors":[7,{},{"code":3}]})"}) {
    CHECK(parse_error_body(other).empty());
  }
  const auto entries = parse_error_body(body("A", std::string(1000, 'x').c_str()));
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].message.size() == 200);
}

TEST_CASE("a refusal says who may not have what, and what to do") {
  CHECK(text(answer_error(kRequest, answer(401, body("UNAUTHORIZED", "authentication required")),
                          kNobody)) ==
        "reg.example gives tag 1 of a/b to nobody without credentials (HTTP 401; UNAUTHORIZED: "
        "authentication required)\n"
        "hint: log in with 'imgforge login reg.example' ('podman login reg.example' and 'docker "
        "login reg.example' do as well); many registries answer the same for a repository that is "
        "absent\n");
  const Error denied = answer_error(kRequest, answer(401), kAlice);
  CHECK(denied.code() == Errc::forbidden);
  CHECK(text(denied) ==
        "reg.example does not give tag 1 of a/b to user alice (HTTP 401)\n"
        "hint: check that a/b exists, that user alice may read it, and that the password is still "
        "good\n");
  Asked helper = kNobody;
  helper.trouble = "there is no program docker-credential-pass";
  CHECK(text(answer_error(kRequest, answer(401), helper)).find("docker-credential-pass") !=
        std::string::npos);
  CHECK(answer_error(kRequest, answer(403), kNobody).code() == Errc::forbidden);
}

TEST_CASE("absent, busy, broken: each its kind and its facts") {
  const Error absent =
      answer_error(kRequest, answer(404, body("MANIFEST_UNKNOWN", "manifest unknown")), kAlice);
  CHECK(absent.code() == Errc::not_found);
  CHECK(text(absent) ==
        "reg.example has no tag 1 of a/b (HTTP 404; MANIFEST_UNKNOWN: manifest unknown)\n");
  using Facts = std::vector<std::pair<std::string, std::string>>;
  CHECK(absent.facts() == Facts{{"url", "https://reg.example/v2/a/b/manifests/1"},
                                {"status", "404"},
                                {"code", "MANIFEST_UNKNOWN"}});
  http::Response busy = answer(429);
  busy.headers.add("Retry-After", "17");
  const Error slow = answer_error(kRequest, busy, kNobody);
  CHECK(slow.code() == Errc::rate_limited);
  CHECK(slow.facts().back() == std::pair<std::string, std::string>("retry_after", "17"));
  CHECK(slow.hint().find("log in") != std::string::npos);
  CHECK(answer_error(kRequest, answer(503), kNobody).code() == Errc::unavailable);
  CHECK(answer_error(kRequest, answer(504), kNobody).code() == Errc::timed_out);
  CHECK(answer_error(kRequest, answer(400), kNobody).code() == Errc::protocol);
}

TEST_CASE("a web page is called one") {
  for (const int status : {403, 404, 502}) {
    const Error page = answer_error(
        kRequest, answer(status, "<html>Please log in</html>", "text/html; charset=utf-8"), kAlice);
    CHECK(page.hint().find("the answer is a web page") == 0);
  }
}

TEST_CASE("what a server does not take: who, what rule, and what to do") {
  Asked push = kAlice;
  push.action = Asked::Action::write;
  push.what = "tag v2.6.1 of a/b";
  const auto refusal = [&](int status, const char* code, const char* message) {
    const Error error = answer_error(kRequest, answer(status, body(code, message)), push);
    return std::pair(error.code(), text(error));
  };
  CHECK(refusal(401, "UNAUTHORIZED", "unauthorized to access repository") ==
        std::pair(Errc::forbidden,
                  std::string("reg.example does not take tag v2.6.1 of a/b from user alice (HTTP "
                              "401; UNAUTHORIZED: unauthorized to access repository)\n"
                              "hint: check that a/b exists, that user alice may push to it, and "
                              "that the password is still good\n")));
  CHECK(refusal(412, "PRECONDITION", "'b:v2.6.1' configured as immutable.") ==
        std::pair(Errc::refused,
                  std::string("reg.example does not take tag v2.6.1 of a/b: a rule of the project "
                              "forbids it (HTTP 412; PRECONDITION: 'b:v2.6.1' configured as "
                              "immutable.)\n"
                              "hint: an immutable tag never changes: choose another tag, or have "
                              "the rule changed\n")));
  const auto quota = refusal(
      403, "DENIED", "adding 1 GiB of storage resource ... will exceed the configured upper limit");
  CHECK(quota.first == Errc::refused);
  CHECK(quota.second.find("quota is used up") != std::string::npos);
  const auto asleep = refusal(403, "DENIED", "The system is in read only mode.");
  CHECK(asleep.first == Errc::unavailable);
  CHECK(asleep.second.find("read-only now") != std::string::npos);
  CHECK(refusal(403, "DENIED", "requested access to the resource is denied").first ==
        Errc::forbidden);
  CHECK(refusal(413, "X", "").first == Errc::refused);
  CHECK(refusal(400, "MANIFEST_INVALID", "manifest invalid").first == Errc::invalid);
  CHECK(refusal(405, "UNSUPPORTED", "").first == Errc::unsupported);
  CHECK(refusal(301, "", "x").second.find("real address") != std::string::npos);
  CHECK(refusal(404, "NAME_UNKNOWN", "").second.find("project exists") != std::string::npos);

  Asked login = kAlice;
  login.repository.clear();
  CHECK(answer_error(kRequest, answer(401), login).code() == Errc::unauthorized);
  CHECK(text(answer_error(kRequest, answer(401), login))
            .find("reg.example refuses user alice (HTTP 401)") == 0);

  Asked nobody = kNobody;
  nobody.action = Asked::Action::write;
  CHECK(text(answer_error(kRequest, answer(401), nobody))
            .find("reg.example does not take tag 1 of a/b from anybody without credentials") == 0);
  Asked removal = kAlice;
  removal.action = Asked::Action::remove;
  const Error removed =
      answer_error(kRequest, answer(400, body("DIGEST_INVALID", "provided digest")), removal);
  CHECK(removed.code() == Errc::unsupported);
  CHECK(text(removed).find("does not remove tag 1 of a/b: it does not do that") !=
        std::string::npos);
}
