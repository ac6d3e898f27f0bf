#include "base/file.h"
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

TEST_CASE("what is tried, in order: parts of the host, its helper, everybody's helper, the host") {
  using Source = CredentialBook::Source;
  CredentialBook book = parse(R"({"auths": {
    "a.example": {"username": "host"}, "a.example/team": {"username": "team"}},
    "credHelpers": {"a.example": "pass"}, "credsStore": "store"})");
  book.merge(parse(R"({"auths": {"a.example/team/tool": {"username": "second file"}}})"));
  CHECK(book.sources("a.example", "team/tool") ==
        std::vector<Source>{{"", {.user = "team"}},
                            {"pass", {}},
                            {"store", {}},
                            {"", {.user = "host"}},
                            {"", {.user = "second file"}}});
  CHECK(book.sources("b.example", "x") == std::vector<Source>{{"store", {}}});
}

TEST_CASE("Docker Hub stands under the names that docker gives it") {
  const CredentialBook book = parse(
      R"({"auths": {"https://index.docker.io/v1/": {"username": "hub"}, "docker.io/team": {"username": "team"}}})");
  CHECK(book.find("docker.io", "library/debian")->user == "hub");
  CHECK(book.find("registry-1.docker.io", "library/debian")->user == "hub");
  CHECK(book.find("docker.io", "team/tool")->user == "team");
  CHECK_FALSE(book.find("docker.example", "x"));
}

TEST_CASE("an environment's credentials: the text in a variable, then the files that there are") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "credentials"));
  REQUIRE_OK(base::write_file_atomic(
      folder / "config.json",
      R"({"auths": {"a": {"username": "file"}, "b": {"username": "file"}}})"));
  const auto book = REQUIRE_OK(registry::read_credentials(
      {{"DOCKER_CONFIG", folder.path()},
       {"XDG_RUNTIME_DIR", folder / "absent"},
       {"DOCKER_AUTH_CONFIG", R"({"auths": {"a": {"username": "variable"}}})"}}));
  CHECK(book.find("a", "")->user == "variable");
  CHECK(book.find("b", "")->user == "file");
  const auto wrong = registry::read_credentials({{"DOCKER_AUTH_CONFIG", "{\"hunter2"}});
  REQUIRE_FALSE(wrong);
  CHECK(error_text(wrong.error()).find("DOCKER_AUTH_CONFIG") != std::string::npos);
  CHECK(error_text(wrong.error()).find("hunter2") == std::string::npos);
  CHECK_FALSE(REQUIRE_OK(registry::read_credentials({})).find("a", ""));
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
