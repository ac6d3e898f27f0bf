#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "catch.h"
#include "error_text.h"
#include "harbor/secret_sink.h"

using namespace imgforge;
using namespace imgforge::harbor;

namespace {

const RobotSecret kSecret{
    .id = 1, .name = "robot$ml+ci", .secret = "S3cretWord", .expires = base::Seconds{86'400}};

base::TempDir scratch() { return REQUIRE_OK(base::TempDir::create("/tmp", "sink")); }

}  // namespace

TEST_CASE("a file of secrets belongs to its owner and keeps what it has") {
  const auto folder = scratch();
  const std::string path = folder / "robots.json";
  SecretFile file(path);
  REQUIRE_OK(file.ready());
  REQUIRE_OK(file.deliver(kSecret));
  RobotSecret other = kSecret;
  other.name = "robot$ml+dev";
  other.secret = "An0ther";
  other.expires.reset();
  REQUIRE_OK(file.deliver(other));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(REQUIRE_OK(base::read_file(path)) == R"({
  "robots": {
    "robot$ml+ci": {
      "expires": "1970-01-02T00:00:00Z",
      "secret": "S3cretWord"
    },
    "robot$ml+dev": {
      "secret": "An0ther"
    }
  }
}
)");
}

TEST_CASE("a file that others read, or that is something else, gets no secret") {
  const auto folder = scratch();
  const std::string path = folder / "robots.json";
  SecretFile file(path);
  SECTION("readable by others") {
    REQUIRE_OK(base::write_file_atomic(path, R"({"robots":{}})", 0644));
    const auto ready = file.ready();
    REQUIRE_FALSE(ready);
    CHECK(ready.error().code() == Errc::refused);
    CHECK(ready.error().hint().find("chmod 600") == 0);
  }
  SECTION("another document") {
    REQUIRE_OK(base::write_file_atomic(path, "hello S3cretWord", 0600));
    const auto ready = file.ready();
    REQUIRE_FALSE(ready);
    CHECK(error_text(ready.error()).find("S3cretWord") == std::string::npos);
    CHECK(REQUIRE_OK(base::read_file(path)) == "hello S3cretWord");
  }
  SECTION("a link") {
    REQUIRE(::symlink("/dev/null", path.c_str()) == 0);
    CHECK_FALSE(file.ready());
  }
  SECTION("no folder") { CHECK_FALSE(SecretFile(folder / "a" + "/b").ready()); }
}

TEST_CASE("a command reads the secret from its standard input") {
  const auto folder = scratch();
  const std::string path = folder / "got";
  SecretCommand command({"sh", "-c", "cat > \"$0\"", path});
  REQUIRE_OK(command.ready());
  REQUIRE_OK(command.deliver(kSecret));
  CHECK(REQUIRE_OK(base::read_file(path)) ==
        R"({"expires":"1970-01-02T00:00:00Z","name":"robot$ml+ci","secret":"S3cretWord"})"
        "\n");
}

TEST_CASE("a command that fails is quoted without the secret") {
  SecretCommand command({"sh", "-c", "echo no place for S3cretWord >&2; cat >/dev/null; exit 3"});
  const auto delivered = command.deliver(kSecret);
  REQUIRE_FALSE(delivered);
  const std::string text = error_text(delivered.error());
  CHECK(text.find("status 3, no place for (the secret)") != std::string::npos);
  CHECK(text.find("S3cretWord") == std::string::npos);
  CHECK_FALSE(SecretCommand({"no-such-program-here"}).ready());
  CHECK_FALSE(SecretCommand({}).ready());
}
