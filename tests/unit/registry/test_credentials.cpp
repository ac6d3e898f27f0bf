#include "base/text.h"
#include "catch.h"
#include "error_text.h"
#include "registry/credentials.h"

using namespace imgforge;
using registry::CredentialBook;
using registry::Credentials;

namespace {

std::string auth(std::string_view text) { return base::to_base64(base::as_bytes(text)); }

CredentialBook parse(const std::string& text) {
  return REQUIRE_OK(CredentialBook::parse(text, "config.json"));
}

}  // namespace

TEST_CASE("auth is user and password, split at the first colon, without old files' NULs") {
  const CredentialBook book = parse(R"({"auths": {
    "one.example": {"auth": ")" + auth("robot$p+ci:pass:word") +
                                    R"("},
    "two.example:5000": {"username": "u", "password": "p"},
    "three.example": {"auth": ")" + auth(std::string_view("u:p\0\0", 5)) +
                                    R"("},
    "four.example": {"auth": ")" + auth("<token>:") +
                                    R"(", "identitytoken": "refresh"},
    "five.example": {"registrytoken": "ready"},
    "six.example": {}},
    "HttpHeaders": {"X": "y"}, "detachKeys": "ctrl-e"})");
  CHECK(book.find("one.example", "a/b") ==
        Credentials{.user = "robot$p+ci", .password = "pass:word"});
  CHECK(book.find("two.example:5000", "a/b") == Credentials{.user = "u", .password = "p"});
  CHECK(book.find("three.example", "a") == Credentials{.user = "u", .password = "p"});
  CHECK(book.find("four.example", "a") ==
        Credentials{.user = "<token>", .identity_token = "refresh"});
  CHECK(book.find("five.example", "a") == Credentials{.registry_token = "ready"});
  CHECK_FALSE(book.find("six.example", "a"));
  CHECK_FALSE(book.find("two.example", "a"));
}

TEST_CASE("keys may be addresses, and parts of a registry's repositories") {
  const CredentialBook book = parse(R"({"auths": {
    "https://Host.example/v1/": {"username": "address"},
    "other.example/v2/": {"username": "version"},
    "third.example": {"username": "host"},
    "third.example/team": {"username": "team"},
    "third.example/team/tool": {"username": "tool"}}})");
  const auto user = [&](const std::string& host, const std::string& repository) {
    const auto found = book.find(host, repository);
    return found ? found->user : "";
  };
  CHECK(user("host.example", "a/b") == "address");
  CHECK(user("HOST.example", "") == "address");
  CHECK(user("other.example", "x") == "version");
  CHECK(user("third.example", "team/tool") == "tool");
  CHECK(user("third.example", "team/tool/part") == "tool");
  CHECK(user("third.example", "team/toolbox") == "team");
  CHECK(user("third.example", "teams/tool") == "host");
}

TEST_CASE("helpers are named, empty entries leave room for them") {
  const CredentialBook book = parse(
      R"({"auths": {"a.example": {}}, "credsStore": "secretservice", "credHelpers": {"b.example": "pass"}})");
  CHECK(book.helper("a.example") == "secretservice");
  CHECK(book.helper("b.example") == "pass");
  CHECK_FALSE(parse("{}").helper("a.example"));
}

TEST_CASE("earlier files win") {
  CredentialBook book = parse(R"({"auths": {"a.example": {"username": "first"}}})");
  book.merge(parse(
      R"({"auths": {"a.example": {"username": "second"}, "b.example": {"username": "other"}}})"));
  CHECK(book.find("a.example", "x")->user == "first");
  CHECK(book.find("b.example", "x")->user == "other");
}

TEST_CASE("what cannot be read is named by its place, and its values by nobody") {
  const auto text = [](const std::string& json) {
    const auto book = CredentialBook::parse(json, "config.json");
    REQUIRE_FALSE(book);
    CHECK(book.error().code() == Errc::invalid);
    const std::string shown = error_text(book.error());
    CHECK(shown.find("hunter2") == std::string::npos);
    CHECK(shown.find(auth("hunter2")) == std::string::npos);
    return shown;
  };
  CHECK(text(R"({"auths": {"a.example": {"password": "hunter2" oops}}})") ==
        "config.json:1:48: config.json is not valid JSON\n");
  CHECK(text(R"({"auths": {"a.example": {"auth": "hunter2!"}}})") ==
        "config.json, entry a.example: \"auth\" is not Base64\n");
  CHECK(text(R"({"auths": {"a.example": {"auth": ")" + auth("hunter2") + R"("}}})") ==
        "config.json, entry a.example: \"auth\" is not USER:PASSWORD in Base64\n");
  CHECK(text(R"({"auths": {"a.example": {"username": ["hunter2"]}}})").find("username") !=
        std::string::npos);
  CHECK(text(R"({"auths": ["hunter2"]})").find("auths") != std::string::npos);
}

TEST_CASE("where the files are") {
  using Files = std::vector<std::string>;
  CHECK(registry::credential_files({{"REGISTRY_AUTH_FILE", "/f"}, {"HOME", "/h"}}) == Files{"/f"});
  CHECK(registry::credential_files({{"HOME", "/h"}}) ==
        Files{"/h/.config/containers/auth.json", "/h/.docker/config.json"});
  CHECK(registry::credential_files({{"HOME", "/h"},
                                    {"XDG_RUNTIME_DIR", "/run/user/1"},
                                    {"XDG_CONFIG_HOME", "/c"},
                                    {"DOCKER_CONFIG", "/d"}}) ==
        Files{"/run/user/1/containers/auth.json", "/c/containers/auth.json", "/d/config.json"});
  CHECK(registry::credential_files({}).empty());
}
