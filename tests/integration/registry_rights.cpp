// Who may write to a real docker-registry: passwords, tokens that end, rights that are missing.
#include <chrono>

#include "catch.h"
#include "error_text.h"
#include "integration/registry_writer.h"
#include "registry/repository.h"

using namespace imgforge;
using namespace imgforge::test;

TEST_CASE("rights: a user who may, one who may only read, a wrong password, nobody") {
  REQUIRE_SERVER(token, "token");
  REQUIRE_SERVER(basic, "basic");
  Writer alice(token, kAlice);
  REQUIRE_OK(alice.push("single", "private/pushed"));
  const auto log = token.log();
  CHECK(count(log, "GET", "/token?") == 1);  // one token for all of it

  Writer bob(token, kBob);
  const Error denied = bob.push_fails("private/notmine");
  CHECK(denied.code() == Errc::forbidden);
  CHECK(denied.summary().find("does not take blob") != std::string::npos);
  CHECK(denied.summary().find("from user bob") != std::string::npos);
  CHECK(denied.hint().find("may push to it") != std::string::npos);

  Writer nobody(token);
  CHECK(nobody.push_fails("public/notmine").code() == Errc::unauthorized);
  Writer wrong(token, Credentials{.user = "alice", .password = "hunter2"});
  const Error refused = wrong.push_fails("private/notmine");
  CHECK(refused.code() == Errc::unauthorized);
  CHECK(error_text(refused).find("hunter2") == std::string::npos);

  Writer basic_alice(basic, kAlice);
  REQUIRE_OK(basic_alice.push("single", "private/pushed"));
  Writer basic_wrong(basic, Credentials{.user = "alice", .password = "hunter2"});
  CHECK(basic_wrong.push_fails("private/pushed").code() == Errc::forbidden);
}

TEST_CASE("a login is checked without naming a repository") {
  REQUIRE_SERVER(open, "none");
  REQUIRE_SERVER(basic, "basic");
  REQUIRE_SERVER(token, "token");
  CHECK_FALSE(REQUIRE_OK(Writer(open, kAlice).client.ping()));  // it asks nobody
  const Credentials wrong{.user = "alice", .password = "hunter2"};
  for (RegistryServer* registry : {&basic, &token}) {
    CHECK(REQUIRE_OK(Writer(*registry, kAlice).client.ping()));
    const auto refused = Writer(*registry, wrong).client.ping();
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == Errc::unauthorized);
    CHECK(error_text(refused.error()).find("hunter2") == std::string::npos);
  }
  // With a scope Harbor would give a token for nobody.
  for (const Seen& seen : token.log()) CHECK(seen.path.find("scope=") == std::string::npos);
}

TEST_CASE("a token that is refused in the middle of a push is renewed, and the blob sent again") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob blob(300'000, 11);
  REQUIRE_OK(writer.put("private/renewed", Blob(10, 12)));
  registry.revoke_tokens();
  registry.log();
  REQUIRE_OK(writer.put("private/renewed", blob));
  CHECK(writer.has("private/renewed", blob));
  CHECK(count(registry.log(), "GET", "/token?") == 1);

  SECTION("between the request for an upload and its bytes, before they are read") {
    registry.fault("^PUT /v2/private/renewed/blobs/uploads", 1, "early",
                   {{"status", 401},
                    {"headers",
                     {{"WWW-Authenticate",
                       "Bearer realm=\"http://" + registry.host() +
                           "/token\",service=\"test-registry\",scope=\"repository:private/"
                           "renewed:pull,push repository:private/other:pull\",error=\"invalid_"
                           "token\""}}}});
    const Blob large(3'000'000, 13);
    REQUIRE_OK(writer.put("private/renewed", large));
    CHECK(writer.has("private/renewed", large));
    // What the challenge wanted beyond our own wish was asked for.
    const auto log = registry.log();
    const auto asked = std::find_if(log.begin(), log.end(), [](const Seen& seen) {
      return seen.path.find("/token?") == 0 &&
             seen.path.find("private%2Fother") != std::string::npos;
    });
    CHECK(asked != log.end());
  }
}

TEST_CASE("a mount without the right to look is an ordinary upload") {
  REQUIRE_SERVER(registry, "token");
  Writer writer(registry, kAlice);
  const Blob one(1000, 21), two(1000, 22), three(1000, 23);
  SECTION("refused by a real registry: once, and not tried again") {
    for (const Blob* blob : {&one, &two}) {
      CHECK(REQUIRE_OK(writer.put("private/m", *blob, {.mount_from = {"vault/secret"}})) ==
            Client::Upload::sent);
    }
    CHECK(count(registry.log(), "POST", "mount=") <= 3);  // 401, renewed, refused
  }
  SECTION("as Harbor says it") {
    registry.fault(
        "POST .*mount=", 9, "answer",
        {{"status", 401}, {"headers", {{"WWW-Authenticate", "Basic realm=\"harbor\""}}}});
    CHECK(REQUIRE_OK(writer.put("private/m", one, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
  }
  SECTION("broken") {
    registry.fault("POST .*mount=", 9, "answer", {{"status", 500}});
    CHECK(REQUIRE_OK(writer.put("private/m", two, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
  }
  SECTION("the other has no such blob: the upload that was begun is used") {
    CHECK(REQUIRE_OK(writer.put("private/m", three, {.mount_from = {"private/single"}})) ==
          Client::Upload::sent);
    CHECK(count(registry.log(), "POST", "/blobs/uploads/?mount") == 2);  // the first without token
  }
  SECTION("the second repository has it") {
    REQUIRE_OK(writer.put("private/has", three));
    writer.opened = 0;
    CHECK(REQUIRE_OK(
              writer.put("private/m2", three, {.mount_from = {"private/single", "private/has"}})) ==
          Client::Upload::mounted);
    CHECK(writer.opened == 0);
  }
}
