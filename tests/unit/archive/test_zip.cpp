#include "archive/zip.h"

#include <unistd.h>

#include <optional>
#include "fixtures.h"

namespace imgforge::archive {
namespace {

struct Opened {
  base::TempDir dir = temporary_folder();
  base::File file;
  std::optional<ZipArchive> zip;

  /// `code` writes z.zip in the current folder.
  explicit Opened(const std::string& code) {
    python(dir.path(), "import zipfile, io, sys\n" + code);
    file = REQUIRE_OK(base::File::open_read(dir / "z.zip"));
    zip = REQUIRE_OK(ZipArchive::open(file, "z.zip"));
  }
  const ZipEntry& entry(const std::string& name) {
    const ZipEntry* found = zip->find(name);
    REQUIRE(found != nullptr);
    return *found;
  }
  std::string content(const std::string& name) {
    const auto source = REQUIRE_OK(zip->open_entry(entry(name)));
    const std::string streamed = read_whole(*source);
    CHECK(REQUIRE_OK(zip->read(entry(name), streamed.size())) == streamed);
    return streamed;
  }
  std::string names() {
    std::string out;
    for (const ZipEntry& e : zip->entries()) out += e.name + (e.is_directory ? "/ " : " ");
    return out;
  }
};

}  // namespace

TEST_CASE("members of an ordinary zip, and the bytes that will be spliced") {
  Opened opened(R"(
with zipfile.ZipFile("z.zip", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("pkg/b.py", "print(1)\n" * 100)
    z.writestr("pkg/a.py", b"")
    z.mkdir("pkg/data") if hasattr(z, "mkdir") else z.writestr("pkg/data/", b"")
    z.writestr(zipfile.ZipInfo("pkg/stored"), "stored", zipfile.ZIP_STORED)
    tool = zipfile.ZipInfo("bin/tool"); tool.external_attr = 0o100755 << 16
    z.writestr(tool, "#!python\n")
    link = zipfile.ZipInfo("bin/link"); link.external_attr = 0o120777 << 16
    z.writestr(link, "tool")
    dos = zipfile.ZipInfo("dos.txt"); dos.create_system = 0; dos.external_attr = 0x20
    z.writestr(dos, "dos")
)");
  CHECK(opened.names() == "pkg/b.py pkg/a.py pkg/data/ pkg/stored bin/tool bin/link dos.txt ");
  CHECK(opened.content("pkg/b.py").size() == 900);
  CHECK(opened.content("pkg/a.py").empty());
  CHECK(opened.content("pkg/stored") == "stored");
  CHECK(opened.content("bin/link") == "tool");
  CHECK(opened.entry("bin/tool").unix_mode == 0100755);
  CHECK(opened.entry("bin/link").is_symlink);
  CHECK_FALSE(opened.entry("bin/tool").is_symlink);
  CHECK(opened.entry("dos.txt").unix_mode == 0);
  CHECK(opened.entry("pkg/stored").method == 0);
  CHECK(opened.zip->find("pkg") == nullptr);
  CHECK(opened.zip->find("pkg/data")->is_directory);

  // The raw range is a complete deflate stream: Python agrees about place and length.
  const ZipEntry& b = opened.entry("pkg/b.py");
  const std::uint64_t begin = REQUIRE_OK(opened.zip->data_offset(b));
  CHECK(python(opened.dir.path(),
               "import zlib\nd=zlib.decompressobj(-15)\nraw=open('z.zip','rb').read()[" +
                   std::to_string(begin) + ":" + std::to_string(begin + b.compressed_size) +
                   "]\nout=d.decompress(raw)\nprint(len(out), d.eof, len(d.unused_data))") ==
        "900 True 0\n");
  CHECK(opened.zip->read(b, 899).error().code() == Errc::invalid);
}

TEST_CASE("zip64 fields, forced and needed") {
  Opened forced(R"(
with zipfile.ZipFile("z.zip", "w", zipfile.ZIP_DEFLATED) as z:
    with z.open("f", "w", force_zip64=True) as f: f.write(b"x" * 5000)
)");
  CHECK(forced.content("f") == std::string(5000, 'x'));

  // More members than 16 bits count: the end record needs zip64.
  Opened many(R"(
with zipfile.ZipFile("z.zip", "w") as z:
    for i in range(66000): z.writestr("m%d" % i, b"%d" % i)
)");
  CHECK(many.zip->entries().size() == 66000);
  CHECK(many.content("m65999") == "65999");
}

TEST_CASE("streamed zips have data descriptors; the directory is the truth") {
  Opened opened(R"(
class Pipe(io.RawIOBase):
    def __init__(self): self.f = open("z.zip", "wb")
    def writable(self): return True
    def write(self, b): return self.f.write(b)
    def close(self): self.f.close()
with zipfile.ZipFile(Pipe(), "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("a", "first" * 1000)
    z.writestr("b", "second" * 1000)
)");
  CHECK(opened.content("a").size() == 5000);
  CHECK(opened.content("b").substr(0, 6) == "second");
}

TEST_CASE("names in UTF-8, in code page 437, and of any length") {
  Opened opened(R"(
with zipfile.ZipFile("z.zip", "w") as z:
    z.writestr("naïve/名前", "1")
    z.writestr("CP437", "2")
    z.writestr("n" * 600, "3")
data = open("z.zip", "rb").read().replace(b"CP437", b"caf\x82\xe4")
open("z.zip", "wb").write(data)
)");
  CHECK(opened.content("naïve/名前") == "1");
  CHECK(opened.content("café\u03a3") == "2");
  CHECK(opened.content(std::string(600, 'n')) == "3");
}

TEST_CASE("an empty zip, a comment, and other programs' zips") {
  Opened empty("zipfile.ZipFile('z.zip', 'w').close()");
  CHECK(empty.zip->entries().empty());
  Opened comment(R"(
with zipfile.ZipFile("z.zip", "w") as z:
    z.comment = b"PK\x05\x06" * 100
    z.writestr("f", "x")
)");
  CHECK(comment.content("f") == "x");

  if (!have("zip")) SKIP_TEST("the zip program is not installed");
  const base::TempDir dir = temporary_folder();
  REQUIRE_OK(base::make_directories(dir / "in/sub"));
  REQUIRE_OK(base::write_file_atomic(dir / "in/sub/naïve", sample(100'000, 1), 0755));
  REQUIRE_OK(base::write_file_atomic(dir / "in/noise", sample(1000, 2, true)));
  REQUIRE(::symlink("noise", (dir / "in/link").c_str()) == 0);
  run({"zip", "-q", "-y", "-r", dir / "out.zip", "."}, dir / "in");
  const base::File file = REQUIRE_OK(base::File::open_read(dir / "out.zip"));
  const ZipArchive zip = REQUIRE_OK(ZipArchive::open(file, "out.zip"));
  REQUIRE(zip.find("sub/naïve") != nullptr);
  CHECK(REQUIRE_OK(zip.read(*zip.find("sub/naïve"), 1 << 20)) == sample(100'000, 1));
  CHECK(zip.find("sub/naïve")->unix_mode == 0100755);
  REQUIRE(zip.find("link") != nullptr);
  CHECK(zip.find("link")->is_symlink);
}

}  // namespace imgforge::archive
