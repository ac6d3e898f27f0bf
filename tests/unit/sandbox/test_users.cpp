// The sandbox as an ordinary user: the same cases again with subordinate ids, and the same bytes.
#include <pwd.h>
#include <unistd.h>

#include "base/process.h"
#include "base/text.h"
#include "fixture.h"

using namespace imgforge;

TEST_CASE("an ordinary user gets the same layers as root", "[users]") {
  if (::geteuid() != 0) SKIP_TEST("needs root to create an ordinary user");
  if (const std::string reason = sandbox::testing::why_not(); !reason.empty()) SKIP_TEST(reason);
  if (!base::find_program("useradd") || !base::find_program("runuser")) {
    SKIP_TEST("needs useradd and runuser");
  }
  const std::string user = "imgforge-test-" + std::to_string(::getpid());
  if (!base::run_checked({.argv = {"useradd", "--create-home", user}})) {
    SKIP_TEST("a user cannot be added here");
  }
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-users-test"));
  const passwd* entry = ::getpwnam(user.c_str());
  REQUIRE(entry != nullptr);
  REQUIRE(::chown(folder.path().c_str(), entry->pw_uid, entry->pw_gid) == 0);
  std::string program(4096, '\0');
  program.resize(static_cast<std::size_t>(
      std::max<ssize_t>(0, ::readlink("/proc/self/exe", program.data(), program.size()))));
  // The programs may stand where the user cannot reach them.
  const std::string self = folder / "test_sandbox", child = folder / "sandbox_test_child";
  (void)REQUIRE_OK(base::run_checked({.argv = {"cp", program, self}}));
  (void)REQUIRE_OK(base::run_checked({.argv = {"cp", sandbox::testing::child_program(), child}}));
  const auto as_root = base::run_command(
      {.argv = {"env", "IMGFORGE_TEST_DIGEST=" + (folder / "root"), self, "a step becomes*"}});
  const auto as_user = base::run_command(
      {.argv = {"runuser", "-u", user, "--", "env", "-i", "PATH=" + std::string(::getenv("PATH")),
                "TZ=Asia/Tokyo", "IMGFORGE_TEST_CHILD=" + child,
                "IMGFORGE_TEST_DIGEST=" + (folder / "user"), "sh", "-c",
                "umask 077; exec \"$0\" \"$@\"", self, "[run],[unpack],[construct]"}});
  (void)base::run_command({.argv = {"userdel", "--remove", user}});
  REQUIRE_OK(as_root);
  REQUIRE_OK(as_user);
  INFO(as_user->out << as_user->err);
  REQUIRE(as_user->status == 0);
  for (std::string_view line : base::lines(as_user->err)) {
    if (line.starts_with("SKIPPED")) std::fprintf(stderr, "%s\n", std::string(line).c_str());
  }
  CHECK(REQUIRE_OK(base::read_file(folder / "root")) ==
        REQUIRE_OK(base::read_file(folder / "user")));
}
