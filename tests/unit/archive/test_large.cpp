// Sizes beyond 32 bits, through the zip directory, the splice and the gzip trailer.
#include <algorithm>

#include "archive/layer_writer.h"
#include "base/text.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

// 4 GiB + 10 zero bytes as one deflate stream of 4 MB: a flushed piece of 64 MiB, 64 times. Then
// a small member behind a stored one that puts its header beyond 4 GiB (a hole in the file).
constexpr const char* kMakeLarge = R"(
import struct, zlib
size = (1 << 32) + 10
crc = 0x6b87b1ec
c = zlib.compressobj(9, zlib.DEFLATED, -15)
piece = c.compress(bytes(64 << 20)) + c.flush(zlib.Z_FULL_FLUSH)
c = zlib.compressobj(9, zlib.DEFLATED, -15)
stream = piece * 64 + c.compress(bytes(10)) + c.flush()
M = 0xffffffff
def extra(*v): return struct.pack("<HH", 1, 8 * len(v)) + struct.pack("<%dQ" % len(v), *v)
members = []
with open("z.zip", "wb") as f:
    def put(name, method, crc, packed, plain, data):
        at = f.tell()
        big = plain > M
        ext = extra(plain, packed) if big else b""
        p, u = (M, M) if big else (packed, plain)
        f.write(struct.pack("<IHHHHHIIIHH", 0x04034b50, 45, 0, method, 0, 0x21, crc, p, u,
                            len(name), len(ext)) + name + ext)
        f.write(data) if data is not None else f.seek(plain, 1)
        values = [plain, packed] if big else []
        if at > M: values.append(at)
        ext = extra(*values) if values else b""
        members.append(struct.pack("<IHHHHHHIIIHHHHHII", 0x02014b50, 45, 45, 0, method, 0, 0x21,
                       crc, p, u, len(name), len(ext), 0, 0, 0, 0, min(at, M)) + name + ext)
    put(b"zeros", 8, crc, len(stream), size, stream)
    put(b"hole", 0, crc, size, size, None)
    put(b"last", 0, zlib.crc32(b"last"), 4, 4, b"last")
    start = f.tell()
    f.write(b"".join(members))
    end = f.tell()
    f.write(struct.pack("<IQHHIIQQQQ", 0x06064b50, 44, 45, 45, 0, 0, 3, 3, end - start, start))
    f.write(struct.pack("<IIQI", 0x07064b50, 0, end, 1))
    f.write(struct.pack("<IHHHHIIH", 0x06054b50, 0, 0, 0xffff, 0xffff, M, M, 0))
)";

}  // namespace

TEST_CASE("members beyond 4 GiB are found, inflated, checked and spliced") {
  constexpr std::uint64_t kSize = (std::uint64_t{1} << 32) + 10;
  const base::TempDir dir = temporary_folder();
  python(dir.path(), kMakeLarge);
  const base::File file = REQUIRE_OK(base::File::open_read(dir / "z.zip"));
  const ZipArchive zip = REQUIRE_OK(ZipArchive::open(file, "z.zip"));
  REQUIRE(zip.entries().size() == 3);
  const ZipEntry& zeros = zip.entries()[0];
  CHECK(zeros.size == kSize);
  CHECK(zip.entries()[1].compressed_size == kSize);
  const ZipEntry& last = zip.entries()[2];
  CHECK(last.header_offset > kSize);
  CHECK(REQUIRE_OK(zip.read(last, 10)) == "last");

  std::string blob;
  base::StringSink sink(blob);
  LayerWriter writer(sink, {});
  REQUIRE_OK(writer.add({.path = "zeros", .size = kSize}, zip, zeros));
  const LayerDigests digests = REQUIRE_OK(writer.finish());
  CHECK(digests.tar_size == 512 + kSize + tar_padding(kSize) + kTarEnd);
  // The trailer of the spliced member: CRC-32, then the length modulo 2^32.
  const std::uint64_t begin = REQUIRE_OK(zip.data_offset(zeros));
  std::string raw(64, '\0');
  REQUIRE_OK(file.read_at(begin + zeros.compressed_size - raw.size(),
                          {reinterpret_cast<std::byte*>(raw.data()), raw.size()}));
  const std::size_t at = blob.rfind(raw);
  REQUIRE(at != std::string::npos);
  CHECK(base::to_hex(base::as_bytes(std::string_view(blob).substr(at + raw.size(), 8))) ==
        "ecb1876b"
        "0a000000");
}

}  // namespace imgforge::archive
