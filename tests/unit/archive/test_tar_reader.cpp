#include "archive/tar_reader.h"

#include <clocale>

#include "archive/layer_writer.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

const char* name_of(EntryType type) {
  static constexpr const char* kNames[] = {"file", "dir",  "symlink", "hard",
                                           "fifo", "char", "block"};
  return kNames[static_cast<int>(type)];
}

std::string shown(const std::string& content) {
  if (content.size() < 100) return content;
  return std::to_string(content.size()) + " bytes, " + base::sha256_hex(content).substr(0, 8);
}

std::string list(base::Source& source, ReadLimits limits = {}) {
  auto reader = TarReader::open(source, limits);
  if (!reader) return "error " + std::string(base::to_string(reader.error().code()));
  std::string out;
  for (int i = 0; i < 100'000; ++i) {
    auto entry = reader->next();
    if (!entry) return out + "error " + std::string(base::to_string(entry.error().code()));
    if (!*entry) return out;
    const TarEntry& e = **entry;
    auto content = base::read_all(reader->content(), 1 << 20);
    if (!content) return out + "error " + std::string(base::to_string(content.error().code()));
    out += std::string(name_of(e.type)) + " " + e.path;
    if (!e.link_target.empty()) out += " -> " + e.link_target;
    if (e.type == EntryType::file) out += " (" + shown(*content) + ")";
    for (const auto& [key, value] : e.xattrs) out += " " + key + "=" + value;
    out += "\n";
  }
  return out + "endless";
}

std::string list_file(const std::string& path, ReadLimits limits = {}) {
  base::File file = REQUIRE_OK(base::File::open_read(path));
  return list(file, limits);
}

// As tar programs make them: leading "./", owners by name, long names, links of both kinds.
constexpr const char* kMakeTree = R"(
import os
os.makedirs("tree/d/" + "deep/" * 30)
open("tree/d/file", "w").write("hello")
open("tree/d/" + "n" * 150, "w").write("long")
open("tree/naïve-名", "w").write("utf8")
os.symlink("../d/file", "tree/d/link")
os.link("tree/d/file", "tree/d/same")
os.mkfifo("tree/pipe")
with open("tree/sparse", "wb") as f:
    f.write(b"begin"); f.seek(100000); f.write(b"end")
)";

}  // namespace

TEST_CASE("tars of every dialect and compression read the same, in any locale") {
  const base::TempDir dir = temporary_folder();
  python(dir.path(), kMakeTree);
  const auto pack = [&](std::vector<std::string> options) {
    std::vector<std::string> argv = {"tar",        "--sort=name", "-C",
                                     dir / "tree", "-cf",         dir / "t.tar"};
    argv.insert(argv.end(), options.begin(), options.end());
    argv.push_back(".");
    run(argv);
    return list_file(dir / "t.tar");
  };
  const std::string gnu = pack({"--format=gnu"});
  CHECK(gnu.starts_with("dir \ndir d\ndir d/deep\n"));
  CHECK(gnu.find("file d/file (hello)\nsymlink d/link -> ../d/file\nfile d/" +
                 std::string(150, 'n') +
                 " (long)\nhard d/same -> d/file\nfile naïve-名 (utf8)\n"
                 "fifo pipe\nfile sparse (100003 bytes, ") != std::string::npos);
  CHECK(pack({"--format=pax"}) == gnu);
  CHECK(pack({"--format=pax", "--sparse"}) == gnu);
  CHECK(pack({"--format=gnu", "--sparse"}) == gnu);
  for (const auto& [program, option] :
       {std::pair{"gzip", "--gzip"}, {"xz", "--xz"}, {"zstd", "--zstd"}, {"bzip2", "--bzip2"}}) {
    if (!have(program)) SKIP_TEST(std::string(program) + " is not installed");
    CHECK(pack({"--format=pax", option}) == gnu);
  }
  const std::string before = std::setlocale(LC_ALL, nullptr);
  for (const char* locale : {"C", "POSIX"}) {
    REQUIRE(std::setlocale(LC_ALL, locale) != nullptr);
    CHECK(list_file(dir / "t.tar") == gnu);
  }
  std::setlocale(LC_ALL, before.c_str());
}

TEST_CASE("what the layer writer writes is read back as it was") {
  std::vector<TarEntry> entries = {
      {.path = "a",
       .type = EntryType::directory,
       .mode = 01755,
       .uid = 5,
       .gid = 3'000'000,
       .mtime = 7},
      {.path = "a/" + std::string(300, 'x'), .mode = 06711, .mtime = -5, .size = 3},
      {.path = "cap",
       .mtime = 1747699200,
       .size = 3,
       .xattrs = {{"security.capability", std::string("\1\0\0\2", 4)}, {"user.x", "="}}},
      {.path = "d/" + std::string(150, 'l') + "\xe9", .mtime = 1},  // not UTF-8, in a pax record
      {.path = "e\xe9", .mtime = 1},                                // and in the header itself
      {.path = "link", .type = EntryType::symlink, .mode = 0777, .link_target = "/abs/ä"},
      {.path = "same", .type = EntryType::hard_link, .link_target = "cap"},
      {.path = "tty", .type = EntryType::character_device, .device_major = 5, .device_minor = 1}};
  std::string blob;
  base::StringSink sink(blob);
  LayerWriter writer(sink, {});
  for (const TarEntry& entry : entries) {
    REQUIRE_OK(writer.add(entry, std::string_view("abc").substr(0, entry.size)));
  }
  REQUIRE_OK(writer.finish());
  base::TextSource source(blob);
  TarReader reader = REQUIRE_OK(TarReader::open(source));
  for (const TarEntry& expected : entries) {
    const auto got = REQUIRE_OK(reader.next());
    REQUIRE(got);
    INFO(expected.path);
    CHECK(got->path == expected.path);
    CHECK(got->type == expected.type);
    CHECK(got->mode == expected.mode);
    CHECK(got->uid == expected.uid);
    CHECK(got->gid == expected.gid);
    CHECK(got->mtime == expected.mtime);
    CHECK(got->size == expected.size);
    CHECK(got->link_target == expected.link_target);
    CHECK(got->xattrs == expected.xattrs);
    CHECK(got->device_major == expected.device_major);
    CHECK(got->device_minor == expected.device_minor);
  }
  CHECK_FALSE(REQUIRE_OK(reader.next()));
}

TEST_CASE("tars that lead out of their folder are refused") {
  const base::TempDir dir = temporary_folder();
  const auto with = [&](const std::string& statements) {
    python(dir.path(),
           "import tarfile\nwith tarfile.open('t.tar','w') as t:\n i=tarfile.TarInfo()"
           "\n i.name='ok'\n " +
               statements + "\n t.addfile(i)");
    return list_file(dir / "t.tar");
  };
  CHECK(with("pass") == "file ok ()\n");
  CHECK(with("i.name='/etc/passwd'") == "file etc/passwd ()\n");
  CHECK(with("i.name='a/../../x'") == "error invalid");
  CHECK(with("i.name='h'; i.type=tarfile.LNKTYPE; i.linkname='../../x'") == "error invalid");
  CHECK(with("i.name='s'; i.type=tarfile.SYMTYPE; i.linkname='../../x'") ==
        "symlink s -> ../../x\n");
}

TEST_CASE("damaged and foreign input is an error, not an end") {
  const base::TempDir dir = temporary_folder();
  python(dir.path(), R"(
import tarfile, io, gzip, lzma, random
noise = random.Random(3).randbytes(200000)
with tarfile.open("t.tar", "w") as t:
    i = tarfile.TarInfo("f"); i.size = len(noise); t.addfile(i, io.BytesIO(noise))
data = open("t.tar", "rb").read()
open("cut.tar", "wb").write(data[:100000])
packed = gzip.compress(data)
checked = bytearray(lzma.compress(data)); checked[90000] ^= 4
open("flipped.txz", "wb").write(checked)
open("cut.tgz", "wb").write(packed[:150000])
sum = bytearray(data); sum[0] ^= 1
open("checksum.tar", "wb").write(sum)
open("noise", "wb").write(noise)
open("empty", "wb").write(b"")
)");
  CHECK(list_file(dir / "t.tar").starts_with("file f ("));
  for (const char* name : {"cut.tar", "cut.tgz", "flipped.txz", "checksum.tar", "noise"}) {
    INFO(name);
    CHECK(list_file(dir / name) == "error invalid");
  }
  struct Broken final : base::Source {
    Result<std::size_t> read(base::MutableBytes) override {
      return fail(Errc::unavailable, "the line is down");
    }
  } broken;
  const auto opened = TarReader::open(broken);
  REQUIRE_FALSE(opened);
  CHECK(opened.error().message() == "the line is down");
}

TEST_CASE("bombs are stopped, read or skipped") {
  const base::TempDir dir = temporary_folder();
  // 100 MiB of zeros: gzip reaches about 1:1030, so a limit of 500 must catch it.
  python(dir.path(), R"(
import tarfile, io, gzip
class Zeros(io.RawIOBase):
    def read(self, n): return bytes(n)
with tarfile.open("bomb.tgz", "w:gz", compresslevel=9) as t:
    i = tarfile.TarInfo("f"); i.size = 100 << 20; t.addfile(i, Zeros())
    t.addfile(tarfile.TarInfo("g"))
)");
  const auto skip_all = [&](ReadLimits limits) {
    base::File file = REQUIRE_OK(base::File::open_read(dir / "bomb.tgz"));
    TarReader reader = REQUIRE_OK(TarReader::open(file, limits));
    for (int i = 0;; ++i) {
      const auto entry = reader.next();
      if (!entry) return "error " + std::string(base::to_string(entry.error().code()));
      if (!*entry) return std::to_string(i) + " entries";
    }
  };
  CHECK(skip_all({}) == "2 entries");
  CHECK(skip_all({.ratio = 500}) == "error invalid");
  CHECK(skip_all({.total_bytes = 50 << 20}) == "error invalid");
  CHECK(skip_all({.entries = 1}) == "error invalid");
  base::File file = REQUIRE_OK(base::File::open_read(dir / "bomb.tgz"));
  TarReader reader = REQUIRE_OK(TarReader::open(file, {.ratio = 500}));
  REQUIRE(REQUIRE_OK(reader.next()));
  base::HashingSink nowhere;
  CHECK(base::copy(reader.content(), nowhere).error().code() == Errc::invalid);
  CHECK(nowhere.size() < (70u << 20));
}

}  // namespace imgforge::archive
