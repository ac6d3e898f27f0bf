#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "catch.h"
#include "error_text.h"
#include "registry/credential_helper.h"
#include "registry/credential_lookup.h"
#include "registry/login.h"

using namespace imgforge;
using registry::CredentialBook;
using registry::CredentialHelper;
using registry::Credentials;

namespace {

const Credentials kRobot{.user = "robot$p+ci", .password = "s3cret:word"};

base::Json json(const std::string& text) { return REQUIRE_OK(base::parse_json(text, "text")); }

mode_t mode_of(const std::string& file) {
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  return status.st_mode & 07777;
}

// docker-credential-test in a folder of its own at the front of PATH: keeps one file per server.
class Helper {
 public:
  Helper() : folder_(REQUIRE_OK(base::TempDir::create("/tmp", "helper"))) {
    REQUIRE_OK(base::write_file_atomic(folder_ / "docker-credential-test", R"(#!/usr/bin/env python3
import hashlib, json, os, sys
folder = os.path.dirname(os.path.abspath(__file__))
text = sys.stdin.read()
def place(server): return os.path.join(folder, "kept-" + hashlib.sha256(server.encode()).hexdigest())
with open(os.path.join(folder, "calls"), "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\n")
verb = sys.argv[1]
if verb == "store":
    entry = json.loads(text)
    open(place(entry["ServerURL"]), "w").write(text)
elif not os.path.exists(place(text.strip())):
    print("credentials not found in native keychain")
    sys.exit(1)
elif verb == "get":
    print(open(place(text.strip())).read())
elif verb == "erase":
    os.remove(place(text.strip()))
)",
                                       0755));
    REQUIRE_OK(base::write_file_atomic(folder_ / "docker-credential-broken",
                                       "#!/bin/sh\necho 'the keyring is locked'\nexit 3\n", 0755));
    REQUIRE_OK(base::write_file_atomic(folder_ / "docker-credential-mad",
                                       "#!/bin/sh\necho 'hunter2'\n", 0755));
    path_ = ::getenv("PATH");
    ::setenv("PATH", (folder_.path() + ":" + path_).c_str(), 1);
  }
  ~Helper() { ::setenv("PATH", path_.c_str(), 1); }
  std::string calls() { return base::read_file(folder_ / "calls").value_or(""); }

 private:
  base::TempDir folder_;
  std::string path_;
};

}  // namespace

TEST_CASE("a login joins the file and leaves the rest of it as it is") {
  const std::string before = R"({"auths": {"other.example": {"auth": "YTpi", "email": "x"},
      "reg.example": {"auth": "b2xkOm9sZA==", "identitytoken": "old", "email": "mine"}},
      "HttpHeaders": {"X": "y"}, "credHelpers": {"third.example": "pass"}, "detachKeys": "ctrl-e"})";
  const auto after =
      json(REQUIRE_OK(registry::with_login(before, "config.json", "reg.example", kRobot)));
  auto expected = json(before);
  expected["auths"]["reg.example"] = {
      {"auth", base::to_base64(base::as_bytes(kRobot.user + ":" + kRobot.password))},
      {"email", "mine"}};
  CHECK(after == expected);

  const auto without =
      REQUIRE_OK(registry::without_login(after.dump(), "config.json", "reg.example"));
  REQUIRE(without);
  expected["auths"].erase("reg.example");
  CHECK(json(*without) == expected);
  CHECK_FALSE(REQUIRE_OK(registry::without_login(*without, "config.json", "reg.example")));
}

TEST_CASE("a login in a new file is what podman and docker read; Docker Hub has its own key") {
  for (const char* empty : {"", "{}", "  \n"}) {
    const std::string text =
        REQUIRE_OK(registry::with_login(empty, "config.json", "reg.example:5000", kRobot));
    CHECK(REQUIRE_OK(CredentialBook::parse(text, "x")).find("reg.example:5000", "a/b") == kRobot);
  }
  const auto hub = json(REQUIRE_OK(registry::with_login("", "x", "docker.io", kRobot)));
  CHECK(hub["auths"].contains("https://index.docker.io/v1/"));
  CHECK(REQUIRE_OK(CredentialBook::parse(hub.dump(), "x")).find("docker.io", "library/debian") ==
        kRobot);
  // However the old entry is written, it goes.
  const auto gone = REQUIRE_OK(registry::without_login(
      R"({"auths": {"https://reg.example/v2/": {"auth": "YTpi"}, "reg.example": {}, "reg.example/a": {"auth": "YTpi"}}})",
      "x", "reg.example"));
  REQUIRE(gone);
  CHECK(json(*gone)["auths"].size() == 1);
}

TEST_CASE("a file that cannot be read is not written over, and not quoted") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "login"));
  const std::string file = folder / "config.json";
  const std::string broken = R"({"auths": {"a": {"auth": "hunter2" oops}}})";
  REQUIRE_OK(base::write_file_atomic(file, broken));
  const auto stored = registry::store_login(file, "reg.example", kRobot);
  REQUIRE_FALSE(stored);
  CHECK(stored.error().code() == Errc::invalid);
  CHECK(error_text(stored.error()).find("hunter2") == std::string::npos);
  CHECK(REQUIRE_OK(base::read_file(file)) == broken);
}

TEST_CASE("the file is only the user's, whatever it was, and links to it stay") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "login"));
  const std::string file = folder / "docker/config.json";
  CHECK(REQUIRE_OK(registry::store_login(file, "reg.example", kRobot)) == file);
  CHECK(mode_of(file) == 0600);
  CHECK(mode_of(folder / "docker") == 0700);
  REQUIRE_OK(base::write_file_atomic(folder / "real.json", "{}", 0644));
  REQUIRE(::symlink((folder / "real.json").c_str(), (folder / "link.json").c_str()) == 0);
  REQUIRE_OK(registry::store_login(folder / "link.json", "reg.example", kRobot));
  struct stat status {};
  REQUIRE(::lstat((folder / "link.json").c_str(), &status) == 0);
  CHECK(S_ISLNK(status.st_mode));
  CHECK(mode_of(folder / "real.json") == 0600);
  CHECK(REQUIRE_OK(registry::erase_login(folder / "link.json", "reg.example")));
  CHECK_FALSE(REQUIRE_OK(registry::erase_login(folder / "link.json", "reg.example")));
  CHECK_FALSE(REQUIRE_OK(registry::erase_login(folder / "absent.json", "reg.example")));
}

TEST_CASE("where a login is written") {
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "login"));
  const std::map<std::string, std::string> environment{{"HOME", folder.path()}};
  const auto at = [&](const std::string& host) {
    return REQUIRE_OK(registry::login_file(environment, host));
  };
  CHECK(at("reg.example") == folder / ".docker/config.json");
  REQUIRE_OK(registry::store_login(folder / ".config/containers/auth.json", "reg.example", kRobot));
  // An entry that is found before docker's would hide the new one.
  CHECK(at("reg.example") == folder / ".config/containers/auth.json");
  CHECK(at("other.example") == folder / ".docker/config.json");
  CHECK(REQUIRE_OK(registry::login_file({{"REGISTRY_AUTH_FILE", "/f"}}, "x")) == "/f");
  CHECK(registry::login_file({}, "x").error().code() == Errc::usage);
}

TEST_CASE("a helper that the file names keeps the login instead") {
  Helper helper;
  auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "login"));
  const std::string file = folder / "config.json";
  REQUIRE_OK(
      base::write_file_atomic(file, R"({"credsStore": "test", "auths": {"reg.example": {}}})"));
  CHECK(REQUIRE_OK(registry::store_login(file, "reg.example", kRobot)) == "docker-credential-test");
  CHECK(REQUIRE_OK(base::read_file(file)).find("auth\"") == std::string::npos);

  registry::CredentialLookup lookup(
      REQUIRE_OK(CredentialBook::parse(REQUIRE_OK(base::read_file(file)), file)), "reg.example",
      base::silent_progress());
  CHECK(lookup.find("a/b", {}) == kRobot);
  CHECK(lookup.find("c/d", {}) == kRobot);
  CHECK(helper.calls() == "store\nget\n");  // asked once
  CHECK(REQUIRE_OK(registry::erase_login(file, "reg.example")));
  CHECK_FALSE(REQUIRE_OK(CredentialHelper::create("test")).get("reg.example").value());
  CHECK_FALSE(REQUIRE_OK(registry::erase_login(file, "reg.example")));
}

TEST_CASE("an identity token goes through a helper and comes back as one") {
  Helper helper;
  const auto program = REQUIRE_OK(CredentialHelper::create("test"));
  const Credentials token{.user = "<token>", .identity_token = "refresh"};
  REQUIRE_OK(program.store("reg.example", token));
  CHECK(REQUIRE_OK(program.get("reg.example")) == token);
  CHECK_FALSE(REQUIRE_OK(program.get("other.example")));
  CHECK(REQUIRE_OK(program.erase("reg.example")));
  CHECK_FALSE(REQUIRE_OK(program.erase("reg.example")));
}

TEST_CASE("helpers that fail say so; whoever asks them is nobody then, and is told why") {
  Helper helper;
  const auto broken = REQUIRE_OK(CredentialHelper::create("broken")).get("reg.example");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code() == Errc::io);
  CHECK(broken.error().summary() ==
        "docker-credential-broken get failed with status 3: the keyring is locked");
  const auto mad = REQUIRE_OK(CredentialHelper::create("mad")).get("reg.example");
  REQUIRE_FALSE(mad);
  CHECK(error_text(mad.error()).find("hunter2") == std::string::npos);
  CHECK(REQUIRE_OK(CredentialHelper::create("absent")).get("x").error().code() == Errc::not_found);
  for (const char* name : {"", "../x", "a b", "a;b", "$x"}) {
    CHECK(CredentialHelper::create(name).error().code() == Errc::invalid);
  }
  registry::CredentialLookup lookup(
      REQUIRE_OK(CredentialBook::parse(R"({"credHelpers": {"reg.example": "absent"}})", "x")),
      "reg.example", base::silent_progress());
  CHECK(lookup.find("a/b", {}).empty());
  CHECK(lookup.trouble() == "there is no program docker-credential-absent");
}
