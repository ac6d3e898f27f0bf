// Zips that no honest program writes, made byte by byte.
#include <zlib.h>

#include <optional>

#include "archive/zip.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

std::string le(std::uint64_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// One member; what the directory says and what the local header says can differ.
struct Member {
  std::string name = "f";
  std::string data = "hello";
  unsigned flags = 0, method = 0;
  std::uint64_t size = 5;
  std::uint32_t crc = 0;
  std::uint32_t attributes = 0;
  std::string extra;  // of the directory
  std::optional<std::string> local_name;
  std::optional<unsigned> local_flags, local_method;
  std::optional<std::uint64_t> local_compressed, local_size, compressed, offset;
  std::string local_extra;
  unsigned disk = 0;

  Member() { crc = checksum("hello"); }
  static std::uint32_t checksum(const std::string& text) {
    return static_cast<std::uint32_t>(
        ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())));
  }
};

struct End {
  std::string prefix;   // bytes before the first member
  std::string between;  // bytes between directory and end record
  std::optional<unsigned> entries;
  std::uint64_t directory_shift = 0;
  unsigned disk = 0;
  std::string comment;
};

std::string make_zip(const std::vector<Member>& members, const End& end = {}) {
  std::string out = end.prefix;
  std::string directory;
  for (const Member& m : members) {
    const std::uint64_t at = m.offset.value_or(out.size());
    const std::string name = m.local_name.value_or(m.name);
    out += le(0x04034b50, 4) + le(20, 2) + le(m.local_flags.value_or(m.flags), 2) +
           le(m.local_method.value_or(m.method), 2) + le(0, 4) + le(m.crc, 4) +
           le(m.local_compressed.value_or(m.data.size()), 4) +
           le(m.local_size.value_or(m.size), 4) + le(name.size(), 2) + le(m.local_extra.size(), 2) +
           name + m.local_extra + m.data;
    directory += le(0x02014b50, 4) + le(0x031e, 2) + le(20, 2) + le(m.flags, 2) + le(m.method, 2) +
                 le(0, 4) + le(m.crc, 4) + le(m.compressed.value_or(m.data.size()), 4) +
                 le(m.size, 4) + le(m.name.size(), 2) + le(m.extra.size(), 2) + le(0, 2) +
                 le(m.disk, 2) + le(0, 2) + le(m.attributes, 4) + le(at, 4) + m.name + m.extra;
  }
  const std::uint64_t start = out.size() + end.directory_shift;
  const unsigned count = end.entries.value_or(static_cast<unsigned>(members.size()));
  return out + directory + end.between + le(0x06054b50, 4) + le(end.disk, 2) + le(end.disk, 2) +
         le(count, 2) + le(count, 2) + le(directory.size(), 4) + le(start, 4) +
         le(end.comment.size(), 2) + end.comment;
}

// "ok CONTENT...", or the kind and sentence of the first error: opening, then reading every member.
std::string outcome(const std::string& bytes, ZipLimits limits = {}) {
  const base::TextAccess data(bytes);
  const auto shown = [](const Error& e) {
    return std::string(base::to_string(e.code())) + ": " + e.summary();
  };
  const auto zip = ZipArchive::open(data, "z.zip", limits);
  if (!zip) return shown(zip.error());
  std::string out = "ok";
  for (const ZipEntry& entry : zip->entries()) {
    const auto content = zip->read(entry, 1 << 20);
    if (!content) return shown(content.error());
    out += " " + *content;
  }
  return out;
}

std::string outcome(const Member& member) { return outcome(make_zip({member})); }

template <class Change>
Member with(Change change) {
  Member member;
  change(member);
  return member;
}

std::string deflated(const std::string& text) {
  std::string out(text.size() + 100, '\0');
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

Member deflated_member(const std::string& text) {
  Member member;
  member.data = deflated(text);
  member.method = 8;
  member.size = text.size();
  member.crc = Member::checksum(text);
  return member;
}

}  // namespace

TEST_CASE("the hand-made zip is good as it stands") {
  CHECK(outcome(Member{}) == "ok hello");
  CHECK(outcome(deflated_member("some text, some text")) == "ok some text, some text");
  CHECK(outcome(make_zip({})) == "ok");
}

TEST_CASE("names that lead elsewhere, twice or nowhere are refused") {
  const auto named = [](const std::string& name) {
    return outcome(with([&](Member& m) { m.name = name; }));
  };
  CHECK(named("../f") ==
        "invalid: reading z.zip: the archive entry \"../f\" leads out of its "
        "folder (\"..\")");
  CHECK(named("a/../../f").starts_with("invalid: "));
  CHECK(named("/etc/passwd") ==
        "invalid: the member \"/etc/passwd\" of z.zip has an absolute path");
  CHECK(named("").starts_with("invalid: "));
  CHECK(named(".").starts_with("invalid: "));
  CHECK(named(std::string("a\0b", 3)).starts_with("invalid: "));
  CHECK(outcome(with([](Member& m) {
          m.name = "\xff\xfe";
          m.flags = 1 << 11;
        })) == "invalid: z.zip is not a usable zip archive: a member's name is not valid UTF-8");
  Member second;
  second.name = "./f";
  CHECK(outcome(make_zip({Member{}, second})) == "invalid: z.zip has two members named \"f\"");
  second.name = "f/";
  second.data = "";
  second.size = 0;
  second.crc = 0;
  CHECK(outcome(make_zip({Member{}, second})) == "invalid: z.zip has two members named \"f\"");
}

TEST_CASE("what we cannot read is unsupported") {
  CHECK(outcome(with([](Member& m) { m.flags = 1; })) ==
        "unsupported: \"f\" in z.zip is encrypted");
  CHECK(outcome(with([](Member& m) { m.flags = 1 << 6; })).starts_with("unsupported: "));
  CHECK(outcome(with([](Member& m) { m.flags = 1 << 13; })).starts_with("unsupported: "));
  CHECK(outcome(with([](Member& m) { m.method = 14; })) ==
        "unsupported: \"f\" in z.zip uses the zip method 14; only stored and deflate are read");
  CHECK(outcome(with([](Member& m) { m.attributes = 0020644u << 16; })) ==
        "unsupported: \"f\" in z.zip is a device, pipe or socket");
  CHECK(outcome(with([](Member& m) { m.disk = 1; })).starts_with("unsupported: "));
  End other_disk;
  other_disk.disk = 1;
  CHECK(outcome(make_zip({Member{}}, other_disk)).starts_with("unsupported: "));
}

TEST_CASE("local headers that contradict the directory are refused") {
  const std::string contradicts =
      "invalid: z.zip is not a usable zip archive: the local header of \"f\" contradicts the "
      "directory ";
  CHECK(outcome(with([](Member& m) { m.local_name = "g"; })) == contradicts + "(name)");
  CHECK(outcome(with([](Member& m) { m.local_name = "f/"; })) == contradicts + "(name)");
  CHECK(outcome(with([](Member& m) { m.local_method = 8; })) == contradicts + "(method)");
  CHECK(outcome(with([](Member& m) { m.local_flags = 1; })) == contradicts + "(encryption)");
  CHECK(outcome(with([](Member& m) { m.local_size = 4; })) == contradicts + "(size)");
  CHECK(outcome(with([](Member& m) { m.local_compressed = 4; })) ==
        contradicts + "(compressed size)");
  CHECK(outcome(with([](Member& m) { m.local_size = 0; })) == contradicts + "(size)");
  CHECK(outcome(with([](Member& m) {
          m.local_size = 0;
          m.local_compressed = 0;
          m.flags = 8;
        })) == "ok hello");
  CHECK(outcome(with([](Member& m) {
          m.local_size = 4;
          m.flags = 8;
        })) == contradicts + "(size)");
}

TEST_CASE("members on top of each other or of the directory are refused") {
  Member second;
  second.name = "g";
  second.offset = 0;
  CHECK(outcome(make_zip({Member{}, second})).find("overlaps") != std::string::npos);
  second.offset = 3;
  CHECK(outcome(make_zip({Member{}, second})).find("overlaps") != std::string::npos);
  const std::string one = outcome(with([](Member& m) {
    m.compressed = 6;
    m.size = 6;
  }));
  CHECK(one.find("overlaps") != std::string::npos);
  // The overlap only shows when the local header's extra field is read.
  Member first = with([](Member& m) { m.local_extra = "abcd"; });
  std::string bytes = make_zip({first, with([](Member& m) { m.name = "g"; })});
  bytes[28] = 20;
  CHECK(outcome(bytes).find("overlaps") != std::string::npos);
  CHECK(outcome(with([](Member& m) { m.offset = 1'000'000; })).starts_with("invalid: "));
}

TEST_CASE("damaged ends and directories are refused") {
  const std::string good = make_zip({Member{}});
  // Cut anywhere, and with anything in front.
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    CHECK(outcome(good.substr(0, size)).starts_with("invalid: "));
  }
  End end;
  end.prefix = "#!/bin/sh\n";
  CHECK(outcome(make_zip({Member{}}, end)) == "ok hello");  // offsets count the prefix
  CHECK(outcome("#!" + good).find("bytes before the archive") != std::string::npos);
  end = {};
  end.entries = 2;
  CHECK(outcome(make_zip({Member{}}, end)).starts_with("invalid: "));
  end.entries = 0;
  CHECK(outcome(make_zip({Member{}}, end)).starts_with("invalid: "));
  end = {};
  end.between = "xx";
  CHECK(outcome(make_zip({Member{}}, end)).starts_with("invalid: "));
  end = {};
  end.directory_shift = 1;
  CHECK(outcome(make_zip({Member{}}, end)).starts_with("invalid: "));
  end = {};
  end.comment = "a comment";
  CHECK(outcome(make_zip({Member{}}, end)) == "ok hello");
  CHECK(outcome(with([](Member& m) {
          m.size = 0xffffffff;
          m.extra = le(1, 2) + le(4, 2) + "abcd";
        })).find("zip64 field") != std::string::npos);
}

TEST_CASE("content that is not what the directory says is a mismatch") {
  CHECK(outcome(with([](Member& m) { m.crc = 1; })) ==
        "mismatch: \"f\" in z.zip is damaged: its CRC-32 is not the directory's");
  CHECK(outcome(with([](Member& m) { m.size = 4; })).starts_with("invalid: "));  // stored, 2 sizes
  const std::string text = sample(600'000, 4);
  const Member good = deflated_member(text);
  CHECK(outcome(good).size() == 3 + text.size());
  Member bad = good;
  --bad.size;
  CHECK(outcome(bad).find("longer than the directory says") != std::string::npos);
  bad = good;
  ++bad.size;
  CHECK(outcome(bad).find("shorter than the directory says") != std::string::npos);
  bad = good;
  bad.data += '\0';
  CHECK(outcome(bad).find("ends before the size in the directory") != std::string::npos);
  bad = good;
  bad.data.resize(bad.data.size() / 2);
  CHECK(outcome(bad).find("ends early") != std::string::npos);
  bad = good;
  bad.data.pop_back();
  CHECK(outcome(bad).find("ends early") != std::string::npos);
  bad = good;
  bad.data = "\xff" + bad.data.substr(1);
  CHECK(outcome(bad).find("invalid") != std::string::npos);
  // Empty content has a stream of two bytes, and no others.
  Member empty = deflated_member("");
  CHECK(outcome(empty) == "ok ");
  empty.data += "xx";
  CHECK(outcome(empty).find("ends before the size in the directory") != std::string::npos);
  empty = deflated_member("");
  empty.crc = 1;
  CHECK(outcome(empty).find("CRC-32") != std::string::npos);
}

TEST_CASE("a stream's end is found wherever it lies between two reads") {
  // Streams whose length is around that of one or two reads, exact and with one byte too many.
  for (const std::size_t reads : {1u, 2u}) {
    for (int delta = -12; delta <= 12; ++delta) {
      // Stored blocks of at most 65,535 bytes with 5 bytes each before them: the length of the
      // stream is a matter of arithmetic.
      const std::size_t length =
          static_cast<std::size_t>(static_cast<std::ptrdiff_t>(reads * base::kChunk) + delta);
      const std::string noise = sample(length - reads * 4 * 5, 6, true);
      std::string stream;
      for (std::size_t at = 0; at < noise.size(); at += 65'535) {
        const std::string part = noise.substr(at, 65'535);
        const bool final = at + part.size() == noise.size();
        stream += std::string(1, final ? '\1' : '\0') + le(part.size(), 2) +
                  le(~part.size() & 0xffff, 2) + part;
      }
      INFO("reads " << reads << " delta " << delta);
      REQUIRE(stream.size() == length);
      Member member;
      member.method = 8;
      member.data = stream;
      member.size = noise.size();
      member.crc = Member::checksum(noise);
      CHECK(outcome(member).size() == 3 + noise.size());
      member.data += '\0';
      CHECK(outcome(member).find("ends before the size") != std::string::npos);
    }
  }
}

TEST_CASE("bombs are refused by their directory alone") {
  const std::string zeros(1 << 20, '\0');
  Member member = deflated_member(zeros);
  CHECK(outcome(member).size() == 3 + zeros.size());
  member.size = std::uint64_t{1} << 31;
  CHECK(outcome(member).find("2000 times") != std::string::npos);
  ZipLimits limits;
  limits.entries = 1;
  Member second;
  second.name = "g";
  CHECK(outcome(make_zip({Member{}, second}), limits).find("limit of 1") != std::string::npos);
  limits = {};
  limits.total_bytes = 9;
  CHECK(outcome(make_zip({Member{}, second}), limits).find("limit of 9") != std::string::npos);
  limits.total_bytes = 10;
  CHECK(outcome(make_zip({Member{}, second}), limits) == "ok hello hello");
}

}  // namespace imgforge::archive
