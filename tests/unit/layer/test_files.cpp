#include "layer/files.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "kind_fixture.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

constexpr const char* kFolder = "{kind: files, from: app, dest: /srv/app}";

}  // namespace

TEST_CASE("a folder becomes a layer with plain modes, sorted, without .git") {
  KindFixture kind(decode_files);
  kind.write("app/main.py", "print(1)\n", 0600);
  kind.write("app/run.sh", "#!/bin/sh\n", 0700);
  kind.write("app/b/c.txt", "c");
  kind.write("app/b-d.txt", "");
  kind.write("app/.git/config", "[core]\n");
  REQUIRE_OK(base::make_directories(kind.path("app/empty")));
  REQUIRE(::symlink("b/c.txt", kind.path("app/link").c_str()) == 0);
  CHECK(REQUIRE_OK(kind.build(kFolder)) ==
        "d0755 0:0 0 srv\n"
        "d0755 0:0 0 srv/app\n"
        "d0755 0:0 0 srv/app/b\n"
        "-0644 0:0 0 srv/app/b-d.txt\n"
        "-0644 0:0 1 srv/app/b/c.txt\n"
        "l0777 0:0 0 srv/app/link -> b/c.txt\n"
        "-0644 0:0 9 srv/app/main.py\n"
        "-0755 0:0 10 srv/app/run.sh\n");
}

TEST_CASE("patterns, owner and mode of a files layer") {
  KindFixture kind(decode_files);
  kind.write("app/a.py", "a");
  kind.write("app/a.pyc", "a");
  kind.write("app/tool", "t");
  kind.write("app/data/x.bin", "x");
  kind.write("app/data/keep.py", "x");
  CHECK(REQUIRE_OK(kind.build(R"({kind: files, from: app, ignore: ["*.pyc", "*.bin"],
      executable: [tool], owner: "1000:100", mode: "0640"})")) ==
        "d0755 1000:100 0 app\n"
        "-0640 1000:100 1 app/a.py\n"
        "d0755 1000:100 0 app/data\n"
        "-0640 1000:100 1 app/data/keep.py\n"
        "-0750 1000:100 1 app/tool\n");
  CHECK(REQUIRE_OK(kind.build(R"({kind: files, from: app, dest: /, include: [data/]})")) ==
        "d0755 0:0 0 data\n"
        "-0644 0:0 1 data/keep.py\n"
        "-0644 0:0 1 data/x.bin\n");
}

TEST_CASE("the key follows content, modes and paths, not times and the umask") {
  KindFixture kind(decode_files);
  kind.write("app/x", "1");
  const auto part = REQUIRE_OK(kind.lock(kFolder));
  const auto key = [&] { return REQUIRE_OK(kind.recipes(kFolder, part)).front()->key_material(); };
  const auto before = key();
  REQUIRE(::chmod(kind.path("app/x").c_str(), 0606) == 0);
  CHECK(key() == before);
  kind.write("app/x", "1");
  CHECK(key() == before);
  kind.write("app/x", "2");
  CHECK(key() != before);
  kind.write("app/x", "1");
  REQUIRE(::chmod(kind.path("app/x").c_str(), 0755) == 0);
  CHECK(key() != before);
}

TEST_CASE("a file that changes between plan and build fails the layer") {
  KindFixture kind(decode_files);
  kind.write("app/x", "one");
  const auto planned = REQUIRE_OK(kind.recipes(kFolder, REQUIRE_OK(kind.lock(kFolder))));
  kind.write("app/x", "two");
  const auto built = kind.produce(*planned.front());
  REQUIRE_FALSE(built);
  CHECK(built.error().code() == Errc::mismatch);
  CHECK(complaint(built).find("changed while the image was being built") != std::string::npos);
  kind.write("app/x", "longer");
  CHECK(complaint(kind.produce(*planned.front())).find("changed while") != std::string::npos);
}

TEST_CASE("secrets, driver libraries, links that lead out and special files are refused") {
  KindFixture kind(decode_files);
  kind.write("app/ok", "x");
  SECTION("a private key") {
    kind.write("app/key.pem",
               "-----BEGIN RSA "
               "PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xf\n");
    const auto text = complaint(kind.build(kFolder));
    CHECK(text.find("key.pem") != std::string::npos);
    CHECK(text.find("MIIE") == std::string::npos);
  }
  SECTION("a driver library") {
    kind.write("app/lib/libcuda.so.1", "x");
    CHECK(complaint(kind.build(kFolder)).find("driver library /srv/app/lib/libcuda.so.1") !=
          std::string::npos);
  }
  SECTION("an absolute link") {
    REQUIRE(::symlink("/etc/passwd", kind.path("app/link").c_str()) == 0);
    CHECK(complaint(kind.build(kFolder)).find("/srv/app/link -> /etc/passwd") != std::string::npos);
  }
  SECTION("a link that climbs out") {
    REQUIRE(::symlink("../../x", kind.path("app/link").c_str()) == 0);
    CHECK(complaint(kind.build(kFolder)).find("leads out of /srv/app") != std::string::npos);
  }
  SECTION("a pipe") {
    REQUIRE(::mkfifo(kind.path("app/pipe").c_str(), 0644) == 0);
    CHECK(complaint(kind.build(kFolder)).find("neither a file, a folder nor a link") !=
          std::string::npos);
  }
}

TEST_CASE("mistakes in a files entry are shown where they stand") {
  KindFixture kind(decode_files);
  const auto says = [&](const std::string& yaml) { return complaint(kind.lock(yaml)); };
  CHECK(says("{kind: files, dest: /app}").find("from") != std::string::npos);
  CHECK(says("{kind: files, from: ../up}").find("not a folder inside the project") !=
        std::string::npos);
  CHECK(says("{kind: files, from: /etc}").find("not a folder inside the project") !=
        std::string::npos);
  CHECK(says("{kind: files, from: nowhere}").find("the project has no folder nowhere") !=
        std::string::npos);
  CHECK(says("{kind: files, from: a, dest: app}").find("absolute path") != std::string::npos);
  CHECK(says("{kind: files, from: a, owner: root}").find("write numbers") != std::string::npos);
  CHECK(says("{kind: files, from: a, mode: \"4755\"}").find("setuid") != std::string::npos);
  CHECK(says("{kind: files, from: a, ignore: [\"[x\"]}").find("not closed") != std::string::npos);
  CHECK(says("{kind: files, from: a, ingore: []}").find("ignore") != std::string::npos);
}

TEST_CASE("a layer without files is refused") {
  KindFixture kind(decode_files);
  kind.write("app/x", "x");
  CHECK(complaint(kind.build(R"({kind: files, from: app, ignore: ["*"]})"))
            .find("no file of app is left") != std::string::npos);
}

TEST_CASE("a commit is taken as git has it") {
  if (!base::find_program("git")) SKIP_TEST("git is not installed");
  KindFixture kind(decode_files);
  kind.write("src/a.py", "one\r\n");
  kind.write("src/run", "#!/bin/sh\n", 0755);
  kind.write(".gitattributes", "*.py text eol=lf export-subst\nsrc/run export-ignore\n");
  kind.write("README", "hello\n");
  REQUIRE(::symlink("a.py", kind.path("src/link").c_str()) == 0);
  kind.run({"git", "init", "-q", "."});
  kind.run({"git", "add", "-A"});
  kind.run({"git", "commit", "-q", "-m", "one"});
  const std::string whole = "{kind: files, from: {git: ., commit: HEAD}, dest: /app}";
  const std::string folder = "{kind: files, from: {git: src}, dest: /app}";

  const auto part = REQUIRE_OK(kind.lock(whole));
  CHECK(part.find(kind.run({"git", "rev-parse", "HEAD"}).substr(0, 40)) != std::string::npos);
  const auto recipes = REQUIRE_OK(kind.recipes(whole, part));
  const auto built = REQUIRE_OK(kind.produce(*recipes.front()));
  CHECK(kind.list(built) ==
        "d0755 0:0 0 app\n"
        "-0644 0:0 52 app/.gitattributes\n"
        "-0644 0:0 6 app/README\n"
        "d0755 0:0 0 app/src\n"
        "-0644 0:0 4 app/src/a.py\n"
        "l0777 0:0 0 app/src/link -> a.py\n"
        "-0755 0:0 10 app/src/run\n");
  CHECK(kind.content(built, "app/src/a.py") == "one\n");  // as committed
  CHECK(REQUIRE_OK(kind.build(folder)) ==
        "d0755 0:0 0 app\n"
        "-0644 0:0 4 app/a.py\n"
        "l0777 0:0 0 app/link -> a.py\n"
        "-0755 0:0 10 app/run\n");

  SECTION("the commit becomes a fact") {
    Facts facts;
    REQUIRE_OK(REQUIRE_OK(kind.decode(whole))->contribute(part, facts));
    REQUIRE(facts.find("source") != nullptr);
    CHECK(facts.find("source")->version.size() == 40);
  }
  SECTION("a change that is not in the locked commit is refused, unless it shall be left out") {
    kind.write("README", "changed\n");
    const auto text = complaint(kind.recipes(whole, part));
    CHECK(text.find("refused: README in . differs from the commit") == 0);
    CHECK(complaint(kind.recipes(folder, REQUIRE_OK(kind.lock(folder)))) == "no error");
    kind.ignore_local_changes = true;
    const auto again = REQUIRE_OK(kind.recipes(whole, part));
    CHECK(again.front()->key_material() == recipes.front()->key_material());
  }
  SECTION("a lock file that was written meanwhile is no change") {
    kind.write("specs/x.lock.json", "{}\n");
    kind.run({"git", "add", "-A"});
    kind.run({"git", "commit", "-q", "-m", "lock"});
    CHECK(complaint(kind.recipes(whole, part)) == "no error");
  }
  SECTION("another commit with the same files is the same layer") {
    kind.run({"git", "commit", "-q", "--allow-empty", "-m", "two"});
    const auto later = REQUIRE_OK(kind.lock(whole));
    CHECK(later != part);
    CHECK(REQUIRE_OK(kind.recipes(whole, later)).front()->key_material() ==
          recipes.front()->key_material());
    kind.previous_part = part;
    kind.update = {"torch"};  // this layer may not change
    CHECK(REQUIRE_OK(kind.lock(whole)) == part);
    kind.update = {"source"};
    CHECK(REQUIRE_OK(kind.lock(whole)) == later);
  }
  SECTION("a commit that is not there") {
    CHECK(complaint(kind.lock("{kind: files, from: {git: ., commit: nope}}"))
              .find("not_found: there is no commit \"nope\"") == 0);
  }
  SECTION("a file kept elsewhere by git LFS is refused") {
    kind.write("big", std::string("version https://git-lfs.github.com/spec/v1\noid sha256:") +
                          std::string(64, '0') + "\nsize 12\n");
    kind.run({"git", "add", "-A"});
    kind.run({"git", "commit", "-q", "-m", "big"});
    CHECK(complaint(kind.build(whole)).find("big is kept in git LFS") != std::string::npos);
  }
}
