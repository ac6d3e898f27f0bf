#include <sys/stat.h>

#include "base/file.h"
#include "base/process.h"
#include "catch.h"
#include "env/hooks.h"

using namespace imgforge;  // base and env

namespace {

mode_t mode_of(const std::string& path) {
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? about.st_mode & 0777 : 0;
}

}  // namespace

TEST_CASE("hooks are installed, kept up to date, and taken away") {
  const auto folder = *base::TempDir::create("/tmp", "hooks");
  REQUIRE(env::install_hooks(folder / "hooks", "/opt/it's/imgforge", false));
  const auto installed = *env::look_at_hooks(folder / "hooks", "/opt/it's/imgforge");
  for (const env::Hook& hook : installed) {
    CHECK(hook.state == env::HookState::ours);
    CHECK(mode_of(hook.path) == 0755);
    CHECK(base::run_command({.argv = {"sh", "-n", hook.path}})->status == 0);
  }
  const auto moved = *env::look_at_hooks(folder / "hooks", "/elsewhere");
  for (const env::Hook& hook : moved) {
    CHECK(hook.state == env::HookState::outdated);
  }
  REQUIRE(env::install_hooks(folder / "hooks", "/elsewhere", false));
  CHECK(env::uninstall_hooks(folder / "hooks")->size() == 3);
  CHECK(base::list_directory(folder / "hooks")->empty());
  CHECK(env::uninstall_hooks(folder / "hooks")->empty());
}

TEST_CASE("somebody else's hook is never overwritten") {
  const auto folder = *base::TempDir::create("/tmp", "hooks");
  const std::string other = "#!/bin/sh\necho other\n";
  REQUIRE(base::write_file_atomic(folder / "commit-msg", other, 0755));
  const auto refused = env::install_hooks(folder.path(), "x", false);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == Errc::refused);
  CHECK(refused.error().hint().find("imgforge env hook run commit-msg \"$@\"") !=
        std::string::npos);
  CHECK(base::list_directory(folder.path())->size() == 1);

  REQUIRE(env::install_hooks(folder.path(), "x", true));
  CHECK(*base::read_file(folder / "commit-msg.before-imgforge") == other);
  REQUIRE(env::install_hooks(folder.path(), "y", true));  // again: ours is not chained to itself
  CHECK(*base::read_file(folder / "commit-msg.before-imgforge") == other);
  REQUIRE(env::uninstall_hooks(folder.path()));
  CHECK(*base::read_file(folder / "commit-msg") == other);
  CHECK(mode_of(folder / "commit-msg") == 0755);
  CHECK(base::list_directory(folder.path())->size() == 1);
}
