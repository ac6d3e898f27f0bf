#include "base/process.h"

#include <unistd.h>

#include <thread>

#include "catch.h"

using namespace imgforge;
using namespace imgforge::base;

TEST_CASE("a child gets its input, environment and folder, and its output comes back") {
  Command command{.argv = {"sh", "-c", "cat; printf %s \"$WORD\"; pwd; echo oops >&2; exit 3"}};
  command.environment = {{"WORD=hello", "PATH=/usr/bin:/bin"}};
  command.directory = "/";
  command.input = std::string(200'000, 'x');
  const auto result = REQUIRE_OK(run_command(command));
  CHECK(result.status == 3);
  CHECK(result.out == std::string(200'000, 'x') + "hello/\n");
  CHECK(result.err == "oops\n");
}

TEST_CASE("a child that never reads its input costs this process nothing") {
  Command command{.argv = {"true"}};
  command.input = std::string(1 << 20, 'x');
  for (int i = 0; i < 20; ++i) CHECK(REQUIRE_OK(run_command(command)).status == 0);
}

TEST_CASE("failures to start, to finish in time and to succeed are told apart") {
  CHECK(run_command({.argv = {"imgforge-no-such-program"}}).error().code() == Errc::not_found);
  Command slow{.argv = {"sleep", "30"}};
  slow.timeout = std::chrono::milliseconds(200);
  CHECK(run_command(slow).error().code() == Errc::timed_out);
  const auto failed = run_checked({.argv = {"sh", "-c", "echo why >&2; exit 1"}});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "sh failed with status 1\n    why");
}

TEST_CASE("a stop request ends the whole process group") {
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    stop.request_stop();
  });
  const auto start = std::chrono::steady_clock::now();
  const auto result = run_command({.argv = {"sh", "-c", "sleep 30 & wait"}}, stop.get_token());
  CHECK(result.error().code() == Errc::cancelled);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds(10));
}

TEST_CASE("a child has no descriptors but its own and those it is given") {
  const int leaked = ::dup2(0, 40), given = ::dup2(0, 41);
  REQUIRE(leaked == 40);
  const auto result =
      REQUIRE_OK(run_command({.argv = {"ls", "/proc/self/fd"}, .inherited_fds = {given}}));
  ::close(leaked);
  ::close(given);
  CHECK(result.out.find("40\n") == std::string::npos);
  CHECK(result.out.find("41\n") != std::string::npos);
}
