#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/task_group.h"
#include "fixture.h"

using namespace imgforge;
using namespace imgforge::sandbox;
using namespace imgforge::sandbox::testing;
using archive::EntryType;

namespace {

struct Folder {
  base::TempDir directory = make();
  Sandbox sandbox{child_program(), directory.path()};
  static base::TempDir make() {
    return REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-unpack-test"));
  }
  ~Folder() {
    for (const std::string& name :
         base::list_directory(directory.path()).value_or(std::vector<std::string>{})) {
      (void)sandbox.remove_tree(directory / name);
    }
  }
  Result<> unpack(const std::string& tar) {
    REQUIRE_OK(base::write_file_atomic(directory / "blob", tar));
    return sandbox.unpack(directory / "blob", directory / "tree", {});
  }
};

#define NEEDS_SANDBOX()                                          \
  do {                                                           \
    if (const std::string reason = why_not(); !reason.empty()) { \
      SKIP_TEST("trees cannot be unpacked here: " + reason);     \
    }                                                            \
  } while (false)

}  // namespace

TEST_CASE("entries that would leave the tree are refused", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  const std::string outside = folder.directory / "outside";
  REQUIRE_OK(base::make_directories(outside));
  SECTION("through a link") {
    TarText tar;
    tar.link("way", outside).file("way/file", "x");
    const auto done = folder.unpack(tar.end());
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == Errc::invalid);
    CHECK(done.error().message().find("way/file") != std::string::npos);
  }
  SECTION("through a link that replaces a folder") {
    TarText tar;
    tar.folder("way").file("way/first", "x").link("way", outside).file("way/second", "x");
    CHECK_FALSE(folder.unpack(tar.end()));
  }
  SECTION("with a hard link through a link") {
    REQUIRE_OK(base::write_file_atomic(outside + "/secret", "s"));
    TarText tar;
    tar.link("way", outside)
        .add({.path = "stolen", .type = EntryType::hard_link, .link_target = "way/secret"});
    CHECK_FALSE(folder.unpack(tar.end()));
  }
  SECTION("with a whiteout of the parent") {
    TarText tar;
    tar.folder("a").file("a/.wh...", "");
    CHECK_FALSE(folder.unpack(tar.end()));
  }
  SECTION("a file over a link writes the file, not the target") {
    TarText tar;
    tar.link("name", outside + "/target").file("name", "x");
    REQUIRE_OK(folder.unpack(tar.end()));
    CHECK_FALSE(base::exists(outside + "/target"));
    CHECK(REQUIRE_OK(base::read_file(folder.directory / "tree/name")) == "x");
  }
  CHECK(REQUIRE_OK(base::list_directory(outside)).size() <= 1);
}

TEST_CASE("a refused layer leaves no tree", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  TarText tar;
  tar.folder("a").add({.path = "b", .type = EntryType::hard_link, .link_target = "not/there"});
  CHECK_FALSE(folder.unpack(tar.end()));
  CHECK(REQUIRE_OK(base::list_directory(folder.directory.path())) ==
        std::vector<std::string>{"blob"});
}

TEST_CASE("overlay marks of a foreign layer are not believed", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  TarText tar;
  tar.add({.path = "d",
           .type = EntryType::directory,
           .mode = 0755,
           .xattrs = {{"user.overlay.opaque", "y"}, {"user.mine", "1"}}});
  REQUIRE_OK(folder.unpack(tar.end()));
  const std::string made = folder.directory / "tree/d";
  char value[8];
  CHECK(::getxattr(made.c_str(), "user.overlay.opaque", value, sizeof value) < 0);
  CHECK(::getxattr(made.c_str(), "user.mine", value, sizeof value) == 1);
}

TEST_CASE("times and modes of folders survive being filled", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  TarText tar;
  tar.folder("a", 0500).folder("a/b", 0711).file("a/b/c", "x").file("a/later", "y");
  REQUIRE_OK(folder.unpack(tar.end()));
  struct stat status {};
  REQUIRE(::stat((folder.directory / "tree/a").c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0500);
  CHECK(status.st_mtim.tv_sec == 1'000'000'000);
}

TEST_CASE("a tree is unpacked once, also by two at once", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  TarText tar;
  for (int i = 0; i < 200; ++i) tar.file("file" + std::to_string(i), "x");
  REQUIRE_OK(base::write_file_atomic(folder.directory / "blob", tar.end()));
  REQUIRE_OK(base::parallel_for(4, 4, {}, [&](std::size_t, std::stop_token stop) -> Result<> {
    return folder.sandbox.unpack(folder.directory / "blob", folder.directory / "tree", stop);
  }));
  CHECK(REQUIRE_OK(base::list_directory(folder.directory.path())) ==
        std::vector<std::string>{"blob", "tree"});
  CHECK(REQUIRE_OK(base::list_directory(folder.directory / "tree")).size() == 200);

  // Within a boot the tree is trusted; one that another boot left is made again.
  REQUIRE_OK(base::write_file_atomic(folder.directory / "tree/extra", "kept"));
  REQUIRE_OK(folder.sandbox.unpack(folder.directory / "blob", folder.directory / "tree", {}));
  CHECK(base::exists(folder.directory / "tree/extra"));
  const std::string tree = folder.directory / "tree";
  REQUIRE(::setxattr(tree.c_str(), "user.imgforge.boot", "earlier", 7, 0) == 0);
  REQUIRE_OK(folder.sandbox.unpack(folder.directory / "blob", folder.directory / "tree", {}));
  CHECK_FALSE(base::exists(folder.directory / "tree/extra"));
  CHECK(REQUIRE_OK(base::list_directory(folder.directory.path())) ==
        std::vector<std::string>{"blob", "tree"});
}

TEST_CASE("a damaged blob is an error", "[unpack]") {
  NEEDS_SANDBOX();
  Folder folder;
  TarText tar;
  tar.file("a", std::string(3000, 'x'));
  CHECK_FALSE(folder.unpack(tar.end().substr(0, 1500)));
  CHECK_FALSE(base::exists(folder.directory / "tree"));
}
