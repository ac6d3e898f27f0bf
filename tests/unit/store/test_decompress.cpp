#include "store/decompress.h"

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

// Reads with buffers of this size: what a decoder holds back shows only with small ones.
Result<std::string> read_with(base::Source& source, std::size_t size) {
  std::string out;
  std::vector<std::byte> buffer(size);
  for (;;) {
    const std::size_t n = TRY(source.read(buffer));
    if (n == 0) return out;
    out.append(base::as_text(base::Bytes(buffer).first(n)));
  }
}

Result<std::string> decode(const std::string& path, std::size_t buffer = base::kChunk) {
  const auto source = TRY(open_layer_tar(path));
  return read_with(*source, buffer);
}

}  // namespace

TEST_CASE("layers of every compression give their tar, with buffers of any size") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  const std::string path = folder / "blob";
  const std::string contents[] = {std::string(1 << 20, 'a'), noise(700001), "x",
                                  noise(3000) + std::string(500000, '\0') + noise(10)};
  for (const std::string& content : contents) {
    for (const Compression how :
         {Compression::plain, Compression::gzip, Compression::many_members, Compression::zstd}) {
      REQUIRE_OK(base::write_file_atomic(path, compress(content, how)));
      for (const std::size_t buffer : {std::size_t{1000}, std::size_t{65537}, base::kChunk}) {
        CAPTURE(content.size(), static_cast<int>(how), buffer);
        REQUIRE((REQUIRE_OK(decode(path, buffer)) == content));
      }
    }
  }
}

TEST_CASE("several zstd frames are one layer") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  std::string blob, content;
  for (unsigned i = 0; i < 50; ++i) {
    const std::string part = noise(i * 100, i) + std::string(i * 1000, 'z');
    blob += compress(part, Compression::zstd);
    content += part;
  }
  REQUIRE_OK(base::write_file_atomic(folder / "blob", blob));
  CHECK((REQUIRE_OK(decode(folder / "blob", 777)) == content));
}

TEST_CASE("a layer that ends early or is damaged is an error, never a shorter layer") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  const std::string path = folder / "blob", content = noise(20000) + std::string(20000, 'a');
  for (const Compression how : {Compression::gzip, Compression::many_members, Compression::zstd}) {
    const std::string whole = compress(content, how);
    int refused = 0, tried = 0;
    for (std::size_t cut = 5; cut < whole.size(); cut += whole.size() / 60 + 1, ++tried) {
      REQUIRE_OK(base::write_file_atomic(path, whole.substr(0, cut)));
      const auto decoded = decode(path);
      if (decoded) {
        // Only between two members is a shorter stream a good one.
        CHECK(how == Compression::many_members);
        CHECK(decoded->size() < content.size());
        continue;
      }
      CHECK(decoded.error().code() == Errc::mismatch);
      ++refused;
    }
    CHECK(refused >= tried - 1);
  }
  std::string broken = compress(content, Compression::gzip);
  broken[broken.size() / 2] = static_cast<char>(broken[broken.size() / 2] ^ 1);
  REQUIRE_OK(base::write_file_atomic(path, broken));
  CHECK(decode(path).error().code() == Errc::mismatch);
  REQUIRE_OK(base::write_file_atomic(path, compress(content, Compression::gzip) + "garbage"));
  CHECK(decode(path).error().code() == Errc::mismatch);
  CHECK(decode(folder / "missing").error().code() == Errc::not_found);
}
