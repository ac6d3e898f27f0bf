#include "base/file.h"

#include <sys/stat.h>

#include "base/task_group.h"
#include "catch.h"

using namespace imgforge;
using namespace imgforge::base;

TEST_CASE("files are written atomically and read back") {
  const TempDir dir = REQUIRE_OK(TempDir::create("/tmp", "imgforge-test"));
  const std::string path = dir / "a";
  REQUIRE_OK(write_file_atomic(path, "one"));
  REQUIRE_OK(write_file_atomic(path, "two"));
  CHECK(REQUIRE_OK(read_file(path)) == "two");
  CHECK(REQUIRE_OK(list_directory(dir.path())) == std::vector<std::string>{"a"});
  CHECK(read_file(dir / "missing").error().code() == Errc::not_found);
  CHECK(read_file(path, 2).error().code() == Errc::invalid);
}

TEST_CASE("remove_all removes read-only trees and does not follow links") {
  const TempDir dir = REQUIRE_OK(TempDir::create("/tmp", "imgforge-test"));
  REQUIRE_OK(make_directories(dir / "keep"));
  REQUIRE_OK(write_file_atomic(dir / "keep/file", "x"));
  REQUIRE_OK(make_directories(dir / "tree/sub/deep"));
  REQUIRE(::symlink((dir / "keep").c_str(), (dir / "tree/sub/link").c_str()) == 0);
  REQUIRE(::chmod((dir / "tree/sub").c_str(), 0500) == 0);
  REQUIRE_OK(remove_all(dir / "tree"));
  CHECK_FALSE(exists(dir / "tree"));
  CHECK(exists(dir / "keep/file"));
  REQUIRE_OK(remove_all(dir / "tree"));
}

TEST_CASE("an exclusive lock keeps the second one out until it is released") {
  const TempDir dir = REQUIRE_OK(TempDir::create("/tmp", "imgforge-test"));
  {
    const auto first = REQUIRE_OK(FileLock::acquire(dir / "lock", FileLock::Mode::exclusive));
    CHECK_FALSE(REQUIRE_OK(FileLock::try_acquire(dir / "lock", FileLock::Mode::shared)));
  }
  CHECK(REQUIRE_OK(FileLock::try_acquire(dir / "lock", FileLock::Mode::shared)));
}

TEST_CASE("paths are joined and made absolute by text") {
  CHECK(join_path("a/", "b") == "a/b");
  CHECK(join_path("a", "/b") == "/b");
  CHECK(REQUIRE_OK(absolute_path("/a/./b/../c//d")) == "/a/c/d");
  CHECK(parent_path("/a/b/") == "/a");
  CHECK(base_name("/a/b/") == "b");
}

TEST_CASE("parallel work returns values by index and the first error") {
  const auto squares =
      REQUIRE_OK(parallel_map<int>(100, 4, {}, [](std::size_t i, std::stop_token) -> Result<int> {
        return static_cast<int>(i * i);
      }));
  CHECK(squares[9] == 81);
  const auto failed = parallel_for(50, 4, {}, [](std::size_t i, std::stop_token) -> Result<> {
    if (i == 17) return fail(Errc::io, "seventeen");
    return {};
  });
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message() == "seventeen");
  std::stop_source stopped;
  stopped.request_stop();
  CHECK(parallel_for(3, 2, stopped.get_token(),
                     [](std::size_t, std::stop_token) -> Result<> { return {}; })
            .error()
            .code() == Errc::cancelled);
}
