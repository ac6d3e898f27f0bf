#include "layer/archive_kind.h"

#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "kind_fixture.h"
#include "layer/file_rules.h"
#include "layer/tree_entries.h"

using namespace imgforge;
using namespace imgforge::layer;

namespace {

// Runs a Python script that makes an archive in the project folder.
void make(KindFixture& kind, const std::string& script) {
  kind.run({"python3", "-c",
            "import io, tarfile, zipfile, stat\n"
            "def add(t, name, data=b'', mode=0o644, **more):\n"
            "    i = tarfile.TarInfo(name)\n"
            "    i.size = len(data); i.mode = mode; i.mtime = 5; i.uid = 7; i.gid = 8\n"
            "    for key, value in more.items(): setattr(i, key, value)\n"
            "    t.addfile(i, io.BytesIO(data))\n" +
                script});
}

}  // namespace

TEST_CASE("an unsorted tar becomes a sorted layer, stripped, with owners and times of its own") {
  KindFixture kind(decode_archive);
  make(kind,
       "with tarfile.open('x.tar.xz', 'w:xz') as t:\n"
       "    add(t, 'top/z', b'zz', 0o4755)\n"
       "    add(t, 'top/a/', type=tarfile.DIRTYPE, mode=0o2775)\n"
       "    add(t, 'top/a/first', type=tarfile.LNKTYPE, linkname='top/z')\n"
       "    add(t, './top/lib/x.so.1', b'x')\n"
       "    add(t, 'top/lib/x.so', type=tarfile.SYMTYPE, linkname='x.so.1')\n"
       "    add(t, 'top/z', b'new', 0o755)\n");
  const std::string yaml = "{kind: archive, file: x.tar.xz, strip: 1, dest: /opt/x}";
  // The hard link comes first in order, so it has the content.
  CHECK(REQUIRE_OK(kind.build(yaml)) ==
        "d0755 0:0 0 opt\n"
        "d0755 0:0 0 opt/x\n"
        "d0775 0:0 0 opt/x/a\n"
        "-0755 0:0 3 opt/x/a/first\n"
        "d0755 0:0 0 opt/x/lib\n"
        "l0777 0:0 0 opt/x/lib/x.so -> x.so.1\n"
        "-0644 0:0 1 opt/x/lib/x.so.1\n"
        "h0755 0:0 0 opt/x/z -> opt/x/a/first\n");
  const auto part = REQUIRE_OK(kind.lock(yaml));
  CHECK(part.find("\"kind\":\"project\"") != std::string::npos);
}

TEST_CASE("include, exclude, owner and mode of an archive") {
  KindFixture kind(decode_archive);
  make(kind,
       "with tarfile.open('x.tar', 'w') as t:\n"
       "    add(t, 'bin/tool', b't', 0o755)\n"
       "    add(t, 'lib/a.so', b'a', 0o600)\n"
       "    add(t, 'lib/a.a', b'a')\n"
       "    add(t, 'doc/x', b'd')\n");
  CHECK(REQUIRE_OK(kind.build(R"({kind: archive, file: x.tar, include: [bin/, lib/],
      exclude: ["*.a"], owner: "5", mode: "0640"})")) ==
        "d0755 0:0 0 bin\n"
        "-0750 5:5 1 bin/tool\n"
        "d0755 0:0 0 lib\n"
        "-0640 5:5 1 lib/a.so\n");
  CHECK(complaint(kind.build("{kind: archive, file: x.tar, strip: 5}"))
            .find("nothing of x.tar is left") != std::string::npos);
}

TEST_CASE("a zip is unpacked under the same rules") {
  KindFixture kind(decode_archive);
  make(kind,
       "with zipfile.ZipFile('x.zip', 'w', zipfile.ZIP_DEFLATED) as z:\n"
       "    def put(name, data, mode):\n"
       "        i = zipfile.ZipInfo(name); i.external_attr = mode << 16; i.create_system = 3\n"
       "        i.compress_type = zipfile.ZIP_DEFLATED\n"
       "        z.writestr(i, data)\n"
       "    put('top/run', 'x' * 100000, stat.S_IFREG | 0o755)\n"
       "    put('top/link', 'run', stat.S_IFLNK | 0o777)\n"
       "    dos = zipfile.ZipInfo('top/a.txt'); dos.create_system = 0; dos.external_attr = 0x20\n"
       "    z.writestr(dos, 'hello')\n");
  CHECK(REQUIRE_OK(kind.build("{kind: archive, file: x.zip, strip: 1, dest: /opt}")) ==
        "d0755 0:0 0 opt\n"
        "-0644 0:0 5 opt/a.txt\n"
        "l0777 0:0 0 opt/link -> run\n"
        "-0755 0:0 100000 opt/run\n");
}

TEST_CASE("an archive that would leave its folder or bring what no layer may have is refused") {
  KindFixture kind(decode_archive);
  const auto says = [&](const std::string& members) {
    make(kind, "with tarfile.open('x.tar', 'w') as t:\n    add(t, 'ok', b'x')\n    " + members);
    return complaint(kind.build("{kind: archive, file: x.tar, dest: /opt/x}"));
  };
  CHECK(says("add(t, '../up', b'x')").find("..") != std::string::npos);
  CHECK(says("add(t, 'l', type=tarfile.SYMTYPE, linkname='../../etc/passwd')")
            .find("/opt/x/l -> ../../etc/passwd, which leads out of /opt/x") != std::string::npos);
  CHECK(says("add(t, 'l', type=tarfile.SYMTYPE, linkname='/etc/passwd')").find("leads out") !=
        std::string::npos);
  CHECK(says("add(t, 'l', type=tarfile.SYMTYPE, linkname='/opt/x/ok')") == "no error");
  CHECK(says("add(t, 'l', type=tarfile.LNKTYPE, linkname='../../etc/passwd')") != "no error");
  CHECK(says("add(t, 'l', type=tarfile.LNKTYPE, linkname='missing')")
            .find("not among the files taken") != std::string::npos);
  CHECK(says("add(t, 'd', type=tarfile.CHRTYPE)").find("a character device") != std::string::npos);
  CHECK(says("add(t, 'p', type=tarfile.FIFOTYPE)").find("a named pipe") != std::string::npos);
  CHECK(says("add(t, 'lib/libnvidia-ml.so.1', b'x')")
            .find("the driver library /opt/x/lib/libnvidia-ml.so.1") != std::string::npos);
  CHECK(says("add(t, 's', type=tarfile.SYMTYPE, linkname='ok'); add(t, 's/x', b'x')")
            .find("is not a folder") != std::string::npos);
}

TEST_CASE("the sha256 of an archive is held against the file") {
  KindFixture kind(decode_archive);
  make(kind, "with tarfile.open('x.tar', 'w') as t: add(t, 'a', b'x')\n");
  const std::string wrong(64, '0');
  const auto text = complaint(kind.lock("{kind: archive, file: x.tar, sha256: \"" + wrong + "\"}"));
  CHECK(text.find("mismatch: x.tar has sha256 ") == 0);
  const auto right = base::sha256_hex(REQUIRE_OK(base::read_file(kind.path("x.tar"))));
  CHECK(complaint(kind.lock("{kind: archive, file: x.tar, sha256: " + right + "}")) == "no error");

  SECTION("a file that is not the locked one fails the build") {
    const std::string yaml = "{kind: archive, file: x.tar}";
    const auto part = REQUIRE_OK(kind.lock(yaml));
    const auto recipes = REQUIRE_OK(kind.recipes(yaml, part));
    KindFixture other(decode_archive);  // a store that has never seen it
    other.write("x.tar", "something else");
    const auto built = other.produce(*recipes.front());
    REQUIRE_FALSE(built);
    CHECK(built.error().code() == Errc::mismatch);
  }
}

TEST_CASE("a broken archive is an error that names it") {
  KindFixture kind(decode_archive);
  kind.write("x.tar.gz", "\x1f\x8b\x08 this is no gzip at all");
  CHECK(complaint(kind.build("{kind: archive, file: x.tar.gz}")).find("x.tar.gz") !=
        std::string::npos);
  make(kind,
       "with tarfile.open('y.tar', 'w') as t: add(t, 'a', b'x' * 100000)\n"
       "data = open('y.tar', 'rb').read(); open('y.tar', 'wb').write(data[:50000])\n");
  CHECK(complaint(kind.build("{kind: archive, file: y.tar}")) != "no error");
}

TEST_CASE("an archive entry needs exactly one place to come from") {
  KindFixture kind(decode_archive);
  CHECK(complaint(kind.lock("{kind: archive}")).find("needs `url`") != std::string::npos);
  CHECK(complaint(kind.lock("{kind: archive, url: 'https://a.example/x', file: y}"))
            .find("not from both") != std::string::npos);
  CHECK(complaint(kind.lock("{kind: archive, url: x.tar}")).find("is no address") !=
        std::string::npos);
  CHECK(complaint(kind.lock("{kind: archive, file: ../x.tar}")).find("inside the project") !=
        std::string::npos);
  CHECK(complaint(kind.lock("{kind: archive, file: x, strip: -1}")).find("0 to 100") !=
        std::string::npos);
  CHECK(complaint(kind.lock("{kind: archive, file: x, sha256: abc}")).find("64 hexadecimal") !=
        std::string::npos);
}

TEST_CASE("links are followed by text") {
  CHECK(link_destination("a/b/c", "../d") == "a/d");
  CHECK(link_destination("a/b/c", "/x/./y") == "x/y");
  CHECK(link_destination("c", "..") == std::nullopt);
  CHECK(link_destination("a/c", "..") == "");
}

TEST_CASE("driver libraries are told from others") {
  for (const char* path : {"libcuda.so", "x/libcuda.so.1", "libcuda.so.535.1", "libnvidia-ml.so.1",
                           "libnvidia-ptxjitcompiler.so.1", "libcudadebugger.so.1"}) {
    CHECK(is_driver_library(path));
  }
  for (const char* path : {"libcudart.so.11.0", "libcudnn.so.9", "libnvidia-ml.txt", "libcuda.soap",
                           "nvidia/libnvrtc.so", "libnvToolsExt.so.1"}) {
    CHECK_FALSE(is_driver_library(path));
  }
}

TEST_CASE("two archives may not claim one file, and may share folders") {
  TreeEntries entries(base::Seconds{0});
  REQUIRE_OK(entries.add_text("a/x", "1", "one"));
  REQUIRE_OK(
      entries.add({.path = "a", .type = archive::EntryType::directory, .mode = 0700}, "one"));
  REQUIRE_OK(entries.add({.path = "a", .type = archive::EntryType::directory}, "two"));
  const auto twice = entries.add_text("a/x", "1", "two");
  CHECK(complaint(twice) ==
        "invalid: /a/x comes from one and from two | leave one of them out with `exclude`");
}
