#include "sources/pylock.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;

namespace {

const PythonTarget kTarget{"3.11", "2.36", "amd64"};
const std::string kHash(64, 'b');

std::string lock(const std::string& rest) { return "lock-version = \"1.0\"\n" + rest; }
std::string package(const std::string& extra, const std::string& wheel = "") {
  return lock("[[packages]]\nname = \"Some_Name\"\nversion = \"1.0\"\n" + extra + "\nwheels = [{" +
              (wheel.empty() ? "url = \"https://f.example/x/some_name-1.0%2Ba-py3-none-any.whl\", "
                               "size = 12, hashes = {sha256 = \"" +
                                   kHash + "\"}"
                             : wheel) +
              "}]\n");
}
Error refused(const std::string& text) {
  const auto parsed = parse_pylock(text, "pylock.toml", kTarget);
  REQUIRE_FALSE(parsed);
  return parsed.error();
}

}  // namespace

TEST_CASE("a pylock's packages") {
  const auto packages = REQUIRE_OK(parse_pylock(
      package("index = \"https://i.example/simple\"\nmarker = \"sys_platform == 'linux'\"\nsdist = "
              "{url = \"x\"}"),
      "pylock.toml", kTarget));
  REQUIRE(packages.size() == 1);
  CHECK(packages[0].project == "some-name");
  CHECK(packages[0].version == "1.0");
  CHECK(packages[0].index == "https://i.example/simple");
  CHECK(packages[0].has_sdist);
  REQUIRE(packages[0].wheels.size() == 1);
  CHECK(packages[0].wheels[0].file_name == "some_name-1.0+a-py3-none-any.whl");
  CHECK(packages[0].wheels[0].size == 12u);
  CHECK(packages[0].wheels[0].sha256 == kHash);
}

TEST_CASE("packages for others are left out, undecidable ones are refused") {
  CHECK(REQUIRE_OK(parse_pylock(package("marker = \"sys_platform == 'win32'\""), "p", kTarget))
            .empty());
  const Error open = refused(package("marker = \"platform_release > '5'\""));
  CHECK(open.code() == Errc::unsupported);
  CHECK(contains(open.message(), "Some_Name"));
  CHECK(open.where().line > 0);
  CHECK(refused(package("marker = \"nonsense\"")).code() == Errc::invalid);
}

TEST_CASE("what a pylock may not be") {
  CHECK(refused("not toml [").code() == Errc::invalid);
  CHECK(refused("not toml [").where().line == 1);
  CHECK(refused("x = 1").code() == Errc::unsupported);
  CHECK(refused("lock-version = \"2.0\"").code() == Errc::unsupported);
  CHECK(refused(lock("requires-python = \">=3.12\"")).code() == Errc::unsupported);
  CHECK(refused(lock("environments = [\"sys_platform == 'win32'\"]")).code() == Errc::unsupported);
  CHECK(refused(package("requires-python = \"<3.9\"")).code() == Errc::unsupported);
  CHECK(refused(package("", "url = \"https://x/y-1-py3-none-any.whl\"")).code() ==
        Errc::unsupported);
  CHECK(refused(lock("[[packages]]\nversion = \"1\"\n")).code() == Errc::invalid);
  CHECK(refused(lock("[[packages]]\nname = \"a\"\n")).code() == Errc::invalid);
  for (const char* other : {"vcs", "directory", "archive"}) {
    const Error error = refused(
        lock("[[packages]]\nname = \"a\"\n[packages." + std::string(other) + "]\nurl='x'\n"));
    CHECK(error.code() == Errc::unsupported);
    CHECK(contains(error.message(), other));
  }
  CHECK(
      REQUIRE_OK(parse_pylock(lock("environments = [\"os_name == 'nt'\", \"os_name == 'posix'\"]"),
                              "p", kTarget))
          .empty());
}

TEST_CASE("preferences are a pylock of their own") {
  const auto packages = REQUIRE_OK(parse_pylock(
      pylock_of_preferences({"Torch==2.6.0+cu118", "numpy == 1.26.4", "no pin"}), "p", kTarget));
  REQUIRE(packages.size() == 2);
  CHECK(packages[0].project == "torch");
  CHECK(packages[0].version == "2.6.0+cu118");
  CHECK(packages[1].version == "1.26.4");
}
