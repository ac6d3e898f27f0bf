#include "archive/tar.h"

#include <unistd.h>

#include "base/text.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

std::string long_path(std::size_t parts) {
  std::string path = "usr/lib";
  for (std::size_t i = 0; i < parts; ++i) path += "/a_rather_long_folder_name_" + std::to_string(i);
  return path;
}

// One of everything that a layer can hold.
std::vector<std::pair<TarEntry, std::string>> all_kinds() {
  std::vector<std::pair<TarEntry, std::string>> all;
  const auto add = [&](TarEntry entry, std::string content = "") {
    entry.size = content.size();
    entry.mtime = entry.mtime == 0 ? 1747699200 : entry.mtime;
    all.emplace_back(std::move(entry), std::move(content));
  };
  using T = EntryType;
  add({.path = "a", .type = T::directory, .mode = 0755});
  add({.path = "a/file", .mode = 04755, .uid = 1000, .gid = 100}, "content\n");
  add({.path = "a/hard", .type = T::hard_link, .link_target = "a/file"});
  add({.path = "a/link", .type = T::symlink, .mode = 0777, .link_target = "../elsewhere"});
  add({.path = "dev", .type = T::directory, .mode = 01777});
  add({.path = "dev/null",
       .type = T::character_device,
       .mode = 0666,
       .device_major = 1,
       .device_minor = 3});
  add({.path = "dev/pipe", .type = T::fifo, .mode = 0600});
  add({.path = "dev/sda", .type = T::block_device, .mode = 0660, .device_major = 8});
  add({.path = "early", .mtime = -86400}, "x");
  add({.path = "late", .mtime = 99'999'999'999}, "x");
  add({.path = "naïve/ünïcode-名前"}, "utf-8 name");
  add({.path = "owner", .uid = 3'000'000, .gid = 4'294'967'294}, "big ids");
  add({.path = long_path(3)}, "split into prefix and name");
  add({.path = long_path(12)}, "too long for ustar");
  add({.path = "way/" + std::string(180, 'n')}, "a name longer than 100");
  add({.path = "xattr",
       .xattrs = {{"security.capability", std::string("\1\0\0\2\0 \0\0", 8)},
                  {"user.note", "line\nline"}}},
      "x");
  add({.path = "zlink", .type = T::symlink, .mode = 0777, .link_target = long_path(9)});
  return all;
}

std::string make_tar(const std::vector<std::pair<TarEntry, std::string>>& entries) {
  std::string tar;
  for (const auto& [entry, content] : entries) {
    tar += REQUIRE_OK(tar_header(entry)) + content;
    tar.append(static_cast<std::size_t>(tar_padding(content.size())), '\0');
  }
  return tar.append(kTarEnd, '\0');
}

std::string error_of(const TarEntry& entry) {
  const auto header = tar_header(entry);
  return header ? "accepted" : std::string(base::to_string(header.error().code()));
}

}  // namespace

TEST_CASE("GNU tar lists a layer with every kind of entry") {
  const base::TempDir dir = temporary_folder();
  REQUIRE_OK(base::write_file_atomic(dir / "t.tar", make_tar(all_kinds())));
  const std::string l3 = long_path(3), l12 = long_path(12), l9 = long_path(9);
  CHECK(run({"tar", "--numeric-owner", "--full-time", "--quoting-style=literal", "-tvf",
             dir / "t.tar"}) ==
        "drwxr-xr-x 0/0               0 2025-05-20 00:00:00 a/\n"
        "-rwsr-xr-x 1000/100          8 2025-05-20 00:00:00 a/file\n"
        "hrw-r--r-- 0/0               0 2025-05-20 00:00:00 a/hard link to a/file\n"
        "lrwxrwxrwx 0/0               0 2025-05-20 00:00:00 a/link -> ../elsewhere\n"
        "drwxrwxrwt 0/0               0 2025-05-20 00:00:00 dev/\n"
        "crw-rw-rw- 0/0             1,3 2025-05-20 00:00:00 dev/null\n"
        "prw------- 0/0               0 2025-05-20 00:00:00 dev/pipe\n"
        "brw-rw---- 0/0             8,0 2025-05-20 00:00:00 dev/sda\n"
        "-rw-r--r-- 0/0               1 1969-12-31 00:00:00 early\n"
        "-rw-r--r-- 0/0               1 5138-11-16 09:46:39 late\n"
        "-rw-r--r-- 0/0              10 2025-05-20 00:00:00 naïve/ünïcode-名前\n"
        "-rw-r--r-- 3000000/4294967294 7 2025-05-20 00:00:00 owner\n"
        "-rw-r--r-- 0/0               26 2025-05-20 00:00:00 " +
            l3 +
            "\n"
            "-rw-r--r-- 0/0               18 2025-05-20 00:00:00 " +
            l12 +
            "\n"
            "-rw-r--r-- 0/0               22 2025-05-20 00:00:00 way/" +
            std::string(180, 'n') +
            "\n"
            "-rw-r--r-- 0/0                1 2025-05-20 00:00:00 xattr\n"
            "lrwxrwxrwx 0/0                0 2025-05-20 00:00:00 zlink -> " +
            l9 + "\n");
}

TEST_CASE("Python's tarfile reads the same values") {
  const base::TempDir dir = temporary_folder();
  const auto entries = all_kinds();
  REQUIRE_OK(base::write_file_atomic(dir / "t.tar", make_tar(entries)));
  std::string expected;
  for (const auto& [e, content] : entries) {
    expected += base::to_hex(base::as_bytes(e.path)) + " " + std::to_string(e.mode) + " " +
                std::to_string(e.uid) + " " + std::to_string(e.gid) + " " +
                std::to_string(e.mtime) + " " + std::to_string(content.size()) + " " +
                base::to_hex(base::as_bytes(e.link_target)) + " " + std::to_string(e.device_major) +
                "," + std::to_string(e.device_minor) + " " + base::to_hex(base::as_bytes(content));
    for (const auto& [name, value] : e.xattrs) {
      expected += " " + name + "=" + base::to_hex(base::as_bytes(value));
    }
    expected += "\n";
  }
  CHECK(python(dir.path(), R"(
import tarfile
for m in tarfile.open("t.tar", "r:"):
    data = t.extractfile(m).read() if (t := tarfile.open("t.tar", "r:")) and m.isreg() else b""
    x = "".join(" %s=%s" % (k[13:], v.encode("utf-8", "surrogateescape").hex())
                for k, v in sorted(m.pax_headers.items()) if k.startswith("SCHILY.xattr."))
    print(m.name.encode().hex(), m.mode, m.uid, m.gid, int(m.mtime), m.size,
          m.linkname.encode().hex(), "%d,%d" % (m.devmajor, m.devminor), data.hex() + x)
)") == expected);
}

TEST_CASE("bsdtar lists the same paths") {
  if (!have("bsdtar")) SKIP_TEST("bsdtar is not installed");
  const base::TempDir dir = temporary_folder();
  const auto entries = all_kinds();
  REQUIRE_OK(base::write_file_atomic(dir / "t.tar", make_tar(entries)));
  std::string expected;
  for (const auto& [entry, content] : entries) {
    expected += entry.path + (entry.type == EntryType::directory ? "/\n" : "\n");
  }
  CHECK(run({"bsdtar", "-tf", dir / "t.tar"}) == expected);
}

TEST_CASE("plain entries are plain ustar, and the bytes are these") {
  const std::string tar = make_tar(all_kinds());
  CHECK(REQUIRE_OK(tar_header({.path = "a/file"})).size() == kTarBlock);
  CHECK(REQUIRE_OK(tar_header({.path = long_path(3)})).size() == kTarBlock);
  CHECK(REQUIRE_OK(tar_header({.path = long_path(12)})).size() == 3 * kTarBlock);
  CHECK(base::sha256_hex(tar) ==
        "b2797544a464de23d1069e2560204066df02d732668bfd7289c75d089d47483e");
}

TEST_CASE("sizes above 8 GiB stand in a pax record") {
  const base::TempDir dir = temporary_folder();
  constexpr std::uint64_t kLimit = std::uint64_t{8} << 30;
  CHECK(REQUIRE_OK(tar_header({.path = "f", .size = kLimit - 1})).size() == kTarBlock);
  const std::string header = REQUIRE_OK(tar_header({.path = "f", .size = kLimit + 5}));
  CHECK(header.size() == 3 * kTarBlock);
  CHECK(header.find("\n") != std::string::npos);
  CHECK(header.substr(kTarBlock, 19) == "19 size=8589934597\n");
  // A sparse file of the whole archive, listed by others.
  base::File file = REQUIRE_OK(base::File::create(dir / "big.tar"));
  REQUIRE_OK(file.write(base::as_bytes(header)));
  const std::uint64_t end = header.size() + kLimit + 5 + tar_padding(kLimit + 5) + kTarEnd;
  REQUIRE(::truncate((dir / "big.tar").c_str(), static_cast<off_t>(end)) == 0);
  CHECK(python(dir.path(),
               "import tarfile; print([(m.name, m.size) for m in tarfile.open('big.tar','r:')])") ==
        "[('f', 8589934597)]\n");
  CHECK(run({"tar", "-tvf", dir / "big.tar"}).find(" 8589934597 ") != std::string::npos);
}

TEST_CASE("names that are not UTF-8 keep their bytes") {
  const base::TempDir dir = temporary_folder();
  const std::string short_name = "latin1-\xe9";
  const std::string long_name = "d/" + std::string(120, 'x') + "\xe9";
  REQUIRE_OK(base::write_file_atomic(
      dir / "t.tar", make_tar({{{.path = short_name}, ""}, {{.path = long_name}, ""}})));
  CHECK(python(dir.path(), R"(
import tarfile, os
for m in tarfile.open("t.tar", "r:"): print(os.fsencode(m.name).hex())
)") == base::to_hex(base::as_bytes(short_name)) + "\n" + base::to_hex(base::as_bytes(long_name)) +
            "\n");
}

TEST_CASE("entries that a layer cannot hold are refused") {
  for (const char* path : {"", "/a", "a/", "a//b", "./a", "a/.", "..", "a/../b", "."}) {
    INFO(path);
    CHECK(error_of({.path = path}) == "invalid");
  }
  CHECK(error_of({.path = std::string("a\0b", 3)}) == "invalid");
  CHECK(error_of({.path = "l", .type = EntryType::symlink}) == "invalid");
  CHECK(error_of({.path = "l", .type = EntryType::hard_link, .link_target = "../x"}) == "invalid");
  CHECK(error_of({.path = "d", .type = EntryType::directory, .size = 1}) == "internal");
  CHECK(error_of({.path = "f", .mode = 0100644}) == "internal");
  CHECK(error_of({.path = "f", .xattrs = {{"user.a=b", "x"}}}) == "unsupported");
  CHECK(error_of({.path = "l", .type = EntryType::symlink, .link_target = "/etc/x"}) == "accepted");
}

TEST_CASE("foreign paths are normalised or refused") {
  const auto normal = [](std::string_view raw) {
    const auto path = normal_path(raw);
    return path ? "[" + *path + "]" : std::string(base::to_string(path.error().code()));
  };
  CHECK(normal("a/b") == "[a/b]");
  CHECK(normal("./a//b/") == "[a/b]");
  CHECK(normal("/a/./b") == "[a/b]");
  CHECK(normal("./") == "[]");
  CHECK(normal(".") == "[]");
  CHECK(normal("/") == "[]");
  CHECK(normal("...") == "[...]");
  CHECK(normal("a/..b/c..") == "[a/..b/c..]");
  CHECK(normal("..") == "invalid");
  CHECK(normal("a/../b") == "invalid");
  CHECK(normal("a/..") == "invalid");
  CHECK(normal("") == "invalid");
  CHECK(normal(std::string_view("a\0", 2)) == "invalid");
}

}  // namespace imgforge::archive
