#include "archive/deb.h"

#include <chrono>

#include "base/text.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

// A package as dpkg-deb makes it, with everything that is looked at.
void build_package(const base::TempDir& dir, const std::string& compression) {
  python(dir.path(), R"(
import os, shutil
shutil.rmtree("p", ignore_errors=True)
os.makedirs("p/DEBIAN"); os.makedirs("p/usr/lib/demo"); os.makedirs("p/etc")
os.chmod("p/DEBIAN", 0o755)
def put(path, text, mode=0o644):
    open("p/" + path, "w").write(text); os.chmod("p/" + path, mode)
put("DEBIAN/control", "Package: demo\nVersion: 1.0-1\nArchitecture: all\nMaintainer: N <n@example.org>\nDescription: demo\n")
put("DEBIAN/postinst", "#!/bin/sh\nexit 0\n", 0o755)
put("DEBIAN/prerm", "#!/bin/sh\nexit 0\n", 0o755)
put("DEBIAN/conffiles", "/etc/demo.conf\n")
put("DEBIAN/triggers", "activate-noawait ldconfig\n")
put("DEBIAN/md5sums", "d41d8cd98f00b204e9800998ecf8427e  usr/lib/demo/lib.so.1\n")
put("etc/demo.conf", "x=1\n")
put("usr/lib/demo/lib.so.1", "ELF" * 1000)
os.symlink("lib.so.1", "p/usr/lib/demo/lib.so")
)");
  run({"dpkg-deb", "--root-owner-group", "-Z" + compression, "--build", "p", "demo.deb"},
      dir.path());
}

std::string data_listing(const base::RandomAccess& deb) {
  std::string out;
  const auto read = read_deb_data(deb, "demo.deb", [&](const TarEntry& e, base::Source& content) {
    out += e.path + (e.link_target.empty() ? "" : " -> " + e.link_target);
    const std::string text = read_whole(content);
    if (e.type == EntryType::file) {
      CHECK(text.size() == e.size);
      out += " " + std::to_string(text.size());
    }
    CHECK(e.uid == 0);
    out += "\n";
    return Result<>();
  });
  return read ? out : out + std::string(base::to_string(read.error().code()));
}

}  // namespace

TEST_CASE("packages of every compression that dpkg-deb writes") {
  if (!have("dpkg-deb")) SKIP_TEST("dpkg-deb is not installed");
  const base::TempDir dir = temporary_folder();
  for (const char* compression : {"xz", "gzip", "zstd", "none"}) {
    INFO(compression);
    build_package(dir, compression);
    const base::File deb = REQUIRE_OK(base::File::open_read(dir / "demo.deb"));
    const DebControl control = REQUIRE_OK(read_deb_control(deb, "demo.deb"));
    CHECK(control.control == REQUIRE_OK(base::read_file(dir / "p/DEBIAN/control")));
    CHECK(control.scripts == std::vector<std::string>{"postinst", "prerm"});
    CHECK(control.conffiles == std::vector<std::string>{"/etc/demo.conf"});
    CHECK(control.triggers == "activate-noawait ldconfig\n");
    CHECK(control.md5sums == "d41d8cd98f00b204e9800998ecf8427e  usr/lib/demo/lib.so.1\n");
    CHECK(data_listing(deb) ==
          "\netc\netc/demo.conf 4\nusr\nusr/lib\nusr/lib/demo\nusr/lib/demo/lib.so.1 3000\n"
          "usr/lib/demo/lib.so -> lib.so.1\n");
  }
}

TEST_CASE("an error of the visitor is passed on") {
  if (!have("dpkg-deb")) SKIP_TEST("dpkg-deb is not installed");
  const base::TempDir dir = temporary_folder();
  build_package(dir, "gzip");
  const base::File deb = REQUIRE_OK(base::File::open_read(dir / "demo.deb"));
  const auto read = read_deb_data(deb, "demo.deb", [](const TarEntry&, base::Source&) {
    return Result<>(fail(Errc::refused, "no"));
  });
  CHECK(read.error().code() == Errc::refused);
}

TEST_CASE("what is no package, or only a part of one, is refused") {
  if (!have("dpkg-deb")) SKIP_TEST("dpkg-deb is not installed");
  const base::TempDir dir = temporary_folder();
  build_package(dir, "xz");
  const std::string good = REQUIRE_OK(base::read_file(dir / "demo.deb"));
  const auto control_error = [](const std::string& bytes) {
    const base::TextAccess deb(bytes);
    const auto control = read_deb_control(deb, "x.deb");
    if (control) return std::string("accepted");
    CHECK(control.error().summary().find("x.deb") != std::string::npos);
    return std::string(base::to_string(control.error().code()));
  };
  CHECK(control_error(good) == "accepted");
  CHECK(control_error("") == "invalid");
  CHECK(control_error("not a package at all") == "invalid");
  for (const std::size_t size : {8u, 60u, 71u, 130u, 200u, 600u}) {
    INFO(size);
    CHECK(control_error(good.substr(0, size)) == "invalid");
  }
  CHECK(control_error(good.substr(0, good.size() - 100)) == "invalid");
  CHECK(control_error(base::replace_all(good, "2.0\n", "3.0\n")) == "unsupported");
  CHECK(control_error(base::replace_all(good, "control.tar", "contro1.tar")) == "invalid");
  CHECK(control_error(base::replace_all(good, "debian-binary", "debian-b1nary")) == "invalid");

  // GNU ar's slash after names and extra parts of signing tools are no obstacle.
  if (!have("ar")) SKIP_TEST("ar is not installed");
  REQUIRE_OK(base::write_file_atomic(dir / "_gpgorigin", "signature"));
  run({"ar", "x", "demo.deb"}, dir.path());
  run({"ar", "rcS", "again.deb", "debian-binary", "control.tar.xz", "_gpgorigin", "data.tar.xz"},
      dir.path());
  CHECK(control_error(REQUIRE_OK(base::read_file(dir / "again.deb"))) == "accepted");
}

TEST_CASE("a package of the Debian archive reads as dpkg-deb reads it") {
  if (!have("apt-get") || !have("dpkg-deb")) SKIP_TEST("apt-get or dpkg-deb is not installed");
  const base::TempDir dir = temporary_folder();
  base::Command download;
  download.argv = {"apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "hello"};
  download.directory = dir.path();
  download.timeout = std::chrono::seconds(60);
  const auto done = base::run_command(download);
  if (!done || done->status != 0) SKIP_TEST("the package hello cannot be downloaded here");
  std::string name;
  for (const std::string& file : REQUIRE_OK(base::list_directory(dir.path()))) {
    if (file.ends_with(".deb")) name = dir / file;
  }
  REQUIRE_FALSE(name.empty());
  const base::File deb = REQUIRE_OK(base::File::open_read(name));
  CHECK(REQUIRE_OK(read_deb_control(deb, "hello.deb")).control ==
        run({"dpkg-deb", "-I", name, "control"}));
  std::string paths;
  REQUIRE_OK(read_deb_data(deb, "hello.deb", [&](const TarEntry& e, base::Source&) {
    paths += "./" + e.path + (e.type == EntryType::directory && !e.path.empty() ? "/" : "") + "\n";
    return Result<>();
  }));
  REQUIRE_OK(base::write_file_atomic(dir / "data.tar", run({"dpkg-deb", "--fsys-tarfile", name})));
  CHECK(paths == run({"tar", "-tf", dir / "data.tar"}));
}

}  // namespace imgforge::archive
