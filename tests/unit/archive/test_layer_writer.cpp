#include "archive/layer_writer.h"

#include <zlib.h>

#include <algorithm>
#include <fstream>

#include "archive/tar_reader.h"
#include "base/text.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

// A zip like a small wheel: a large compressible member, a large noisy one, a stored one, small
// ones, an empty one.
constexpr const char* kMakeWheel = R"(
import zipfile, random
rnd = random.Random(7)
words = [b"sym%d " % i for i in range(3000)]
text = b"".join(rnd.choice(words) for _ in range(400000))
with zipfile.ZipFile("w.zip", "w", zipfile.ZIP_DEFLATED) as z:
    def put(name, data, method=zipfile.ZIP_DEFLATED):
        info = zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0))
        info.compress_type = method
        z.writestr(info, data)
    put("a/__init__.py", b"import a.b\n" * 20)
    put("a/empty.py", b"")
    put("a/lib/big.so", text)
    put("a/lib/noise.so", rnd.randbytes(300000))
    put("a/lib/stored.bin", text[:200000], zipfile.ZIP_STORED)
    put("a/lib/zeros.bin", bytes(5 << 20))
    put("z.txt", b"the end\n")
)";

struct Wheel {
  base::TempDir dir = temporary_folder();
  base::File file;
  Wheel() {
    python(dir.path(), kMakeWheel);
    file = REQUIRE_OK(base::File::open_read(dir / "w.zip"));
  }
};

struct Written {
  std::string blob;
  LayerDigests digests;
  std::vector<std::string> sha256;
};

TarEntry file_entry(const std::string& path, std::uint64_t size) {
  TarEntry entry;
  entry.path = path;
  entry.size = size;
  entry.mtime = 1'700'000'000;
  return entry;
}

Result<Written> write_layer(const base::RandomAccess& data, const std::string& encoder,
                            std::size_t workers, RecipeRecorder* recipe = nullptr,
                            std::uint64_t extra = 3'000'000, bool copy_unseen = false) {
  const ZipArchive zip = TRY(ZipArchive::open(data, "w.zip"));
  Written written;
  base::StringSink sink(written.blob);
  LayerWriterOptions options;
  options.encoder = TRY(parse_encoder(encoder));
  options.workers = workers;
  options.recipe = recipe;
  options.copy_unseen = copy_unseen;
  LayerWriter writer(sink, options);
  TarEntry folder;
  folder.path = "a";
  folder.type = EntryType::directory;
  folder.mode = 0755;
  TRY(writer.add(folder));
  std::vector<const ZipEntry*> members;
  for (const ZipEntry& entry : zip.entries()) members.push_back(&entry);
  std::sort(members.begin(), members.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->name < b->name; });
  for (const ZipEntry* member : members) {
    std::string digest;
    TRY(writer.add(file_entry(member->name, member->size), zip, *member, &digest));
    written.sha256.push_back(digest);
  }
  const std::string text = sample(static_cast<std::size_t>(extra), 3);
  base::TextSource source(text);
  TRY(writer.add(file_entry("zz/literal.bin", text.size()), source));
  TRY(writer.add(file_entry("zz/note", 4), std::string_view("note")));
  written.digests = TRY(writer.finish());
  return written;
}

// All gzip members, by zlib: an implementation that the room does not use.
std::string gunzip(const std::string& blob, std::size_t* members = nullptr) {
  std::string out;
  z_stream stream{};
  REQUIRE(inflateInit2(&stream, 15 + 16) == Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(blob.data()));
  stream.avail_in = static_cast<uInt>(blob.size());
  std::vector<char> buffer(1 << 16);
  std::size_t count = 0;
  while (stream.avail_in > 0) {
    int code = Z_OK;
    while (code != Z_STREAM_END) {
      stream.next_out = reinterpret_cast<Bytef*>(buffer.data());
      stream.avail_out = static_cast<uInt>(buffer.size());
      code = inflate(&stream, Z_NO_FLUSH);
      REQUIRE((code == Z_OK || code == Z_STREAM_END));
      out.append(buffer.data(), buffer.size() - stream.avail_out);
    }
    ++count;
    REQUIRE(inflateReset(&stream) == Z_OK);
  }
  inflateEnd(&stream);
  if (members != nullptr) *members = count;
  return out;
}

void save(const std::string& path, const std::string& content) {
  REQUIRE_OK(base::write_file_atomic(path, content));
}

}  // namespace

TEST_CASE("a spliced layer is a valid tar.gz whose digests are true") {
  const Wheel wheel;
  const Written layer = REQUIRE_OK(write_layer(wheel.file, "gzip", 0));
  CHECK(layer.digests.size == layer.blob.size());
  CHECK(layer.digests.digest == base::sha256_hex(layer.blob));
  std::size_t members = 0;
  const std::string tar = gunzip(layer.blob, &members);
  CHECK(layer.digests.tar_size == tar.size());
  CHECK(layer.digests.diff_id == base::sha256_hex(tar));
  // Three spliced members (big, noise, zeros), a literal before each, and the 3 MB after them in
  // three blocks of 1 MiB at most.
  CHECK(members == 3 + 3 + 3);

  const std::string path = wheel.dir / "layer.tar.gz";
  save(path, layer.blob);
  run({"gzip", "-t", path});
  CHECK(run({"tar", "-tzf", path}) ==
        "a/\na/__init__.py\na/empty.py\na/lib/big.so\na/lib/noise.so\na/lib/stored.bin\n"
        "a/lib/zeros.bin\nz.txt\nzz/literal.bin\nzz/note\n");
  // Every content, and every digest that add() gave, against Python's own reading of both files.
  const std::string listed = python(wheel.dir.path(), R"(
import tarfile, zipfile, hashlib
z = zipfile.ZipFile("w.zip")
t = tarfile.open("layer.tar.gz")
for name in sorted(z.namelist()):
    data = t.extractfile(name).read()
    assert data == z.read(name), name
    print(hashlib.sha256(data).hexdigest())
)");
  CHECK(listed == base::join(layer.sha256, "\n") + "\n");
}

TEST_CASE("the bytes of a layer do not depend on the number of workers") {
  const Wheel wheel;
  for (const std::string encoder : {"gzip", "gzip:1", "zstd", "none"}) {
    const Written one = REQUIRE_OK(write_layer(wheel.file, encoder, 0));
    CHECK(one.digests.digest == base::sha256_hex(one.blob));
    for (const std::size_t workers : {1u, 4u}) {
      const Written more = REQUIRE_OK(write_layer(wheel.file, encoder, workers));
      CHECK(more.blob == one.blob);
      CHECK(more.digests.digest == one.digests.digest);
      CHECK(more.digests.diff_id == one.digests.diff_id);
      CHECK(more.sha256 == one.sha256);
    }
  }
}

TEST_CASE("every encoder holds the same tar") {
  const Wheel wheel;
  const Written gzip = REQUIRE_OK(write_layer(wheel.file, "gzip", 0));
  const Written zstd = REQUIRE_OK(write_layer(wheel.file, "zstd", 0));
  const Written plain = REQUIRE_OK(write_layer(wheel.file, "none", 0));
  CHECK(gzip.digests.diff_id == plain.digests.diff_id);
  CHECK(zstd.digests.diff_id == plain.digests.diff_id);
  CHECK(plain.digests.digest == plain.digests.diff_id);
  CHECK(plain.blob == gunzip(gzip.blob));
  if (!have("zstd")) SKIP_TEST("the zstd program is not installed");
  save(wheel.dir / "layer.zst", zstd.blob);
  CHECK(base::sha256_hex(run({"zstd", "-dcq", wheel.dir / "layer.zst"})) == plain.digests.diff_id);
}

TEST_CASE("the blob of a layer without zips has this digest") {
  // A change here changes the digest of every image: raise the revision in encoder_id() with it.
  const auto write = [](const std::string& encoder) {
    std::string blob;
    base::StringSink sink(blob);
    LayerWriter writer(sink, {.encoder = REQUIRE_OK(parse_encoder(encoder))});
    TarEntry folder;
    folder.path = "etc";
    folder.type = EntryType::directory;
    folder.mode = 0755;
    REQUIRE_OK(writer.add(folder));
    const std::string text = sample(2'500'000, 11);
    REQUIRE_OK(writer.add(file_entry("etc/words", text.size()), std::string_view(text)));
    return REQUIRE_OK(writer.finish());
  };
  const LayerDigests gzip = write("gzip:6");
  const LayerDigests zstd = write("zstd:3");
  const LayerDigests none = write("none");
  CHECK(none.digest == "20e41118a27a0ea7105816577f0f779634cb77480d84410eab3dc7c0f2356c23");
  CHECK(gzip.diff_id == none.digest);
  CHECK(zstd.diff_id == none.digest);
  CHECK(encoder_id(Encoder{}) + " " + gzip.digest ==
        "gzip:libdeflate-1.14:6:1MiB:r1 "
        "0e3cecf659e0b4099db898b3152f5b5d4ba3f43b2085b690e56d4610bbdbb22b");
  CHECK(encoder_id({Compression::zstd, 3}) + " " + zstd.digest ==
        "zstd:1.5.4:3:4MiB:r1 "
        "62fa2c431dcfd2447792e43af11eb76fd28fe60b23c50a45106d6f1af27911a4");
}

TEST_CASE("a recipe writes the same blob by copying") {
  const Wheel wheel;
  for (const std::size_t workers : {0u, 2u}) {
    std::string literals;
    base::StringSink literal_sink(literals);
    RecipeRecorder recorder(literal_sink, {&wheel.file});
    const Written layer = REQUIRE_OK(write_layer(wheel.file, "gzip", workers, &recorder));
    const Recipe recipe = recorder.take();
    CHECK(recipe.diff_id == layer.digests.diff_id);
    CHECK(recipe.tar_size == layer.digests.tar_size);
    CHECK(recipe.spans.size() == 7);  // literal, zip, literal, zip, literal, zip, literal
    const std::uint64_t file_size = wheel.file.size();
    CHECK(literals.size() < layer.blob.size() / 2);
    std::string again;
    base::StringSink sink(again);
    const base::TextAccess literal_access(literals);
    const base::RandomAccess* zips[] = {&wheel.file};
    CHECK(REQUIRE_OK(write_from_recipe(recipe, literal_access, zips, sink)) ==
          layer.digests.digest);
    CHECK(again == layer.blob);

    // A zip with other bytes gives another digest; one that is too short is an error.
    std::string other = REQUIRE_OK(base::read_file(wheel.dir / "w.zip"));
    other[static_cast<std::size_t>(recipe.spans[1].offset)] ^= 1;
    const base::TextAccess changed(other);
    const base::RandomAccess* changed_zips[] = {&changed};
    base::HashingSink nowhere;
    CHECK(REQUIRE_OK(write_from_recipe(recipe, literal_access, changed_zips, nowhere)) !=
          layer.digests.digest);
    const base::TextAccess cut(std::string_view(other).substr(0, file_size / 2));
    const base::RandomAccess* cut_zips[] = {&cut};
    CHECK(write_from_recipe(recipe, literal_access, cut_zips, nowhere).error().code() ==
          Errc::mismatch);
    CHECK(write_from_recipe(recipe, literal_access, {}, nowhere).error().code() == Errc::mismatch);
  }
}

TEST_CASE("a layer copied unseen is the same blob, without a diffID") {
  const Wheel wheel;
  for (const std::string encoder : {"gzip", "zstd", "none"}) {
    const Written seen = REQUIRE_OK(write_layer(wheel.file, encoder, 0));
    for (const std::size_t workers : {0u, 2u}) {
      INFO(encoder << " workers " << workers);
      const Written unseen =
          REQUIRE_OK(write_layer(wheel.file, encoder, workers, nullptr, 3'000'000, true));
      CHECK(unseen.blob == seen.blob);
      CHECK(unseen.digests.digest == seen.digests.digest);
      CHECK(unseen.digests.size == seen.digests.size);
      CHECK(unseen.digests.tar_size == seen.digests.tar_size);
      CHECK(unseen.digests.diff_id.empty());
      for (std::size_t i = 0; i < seen.sha256.size(); ++i) {
        CHECK((unseen.sha256[i] == seen.sha256[i] || unseen.sha256[i].empty()));
      }
    }
  }
}

TEST_CASE("a settled writer needs its zips no longer") {
  const Wheel wheel;
  const std::string bytes = REQUIRE_OK(base::read_file(wheel.dir / "w.zip"));
  std::string expected;
  for (const std::size_t workers : {0u, 2u}) {
    std::string blob;
    base::StringSink sink(blob);
    LayerWriter writer(sink, {.workers = workers});
    for (const char* folder : {"one", "two"}) {
      // A copy of its own, gone before the next one comes: a sanitizer sees a late read.
      const auto copy = std::make_unique<std::string>(bytes);
      const base::TextAccess data(*copy);
      const ZipArchive zip = REQUIRE_OK(ZipArchive::open(data, "w.zip"));
      const Settled settled(writer);
      const ZipEntry* member = zip.find("a/lib/big.so");
      REQUIRE(member != nullptr);
      REQUIRE_OK(
          writer.add(file_entry(std::string(folder) + "/big.so", member->size), zip, *member));
    }
    const LayerDigests digests = REQUIRE_OK(writer.finish());
    if (workers == 0) expected = digests.digest;
    CHECK(digests.digest == expected);
    CHECK(digests.digest == base::sha256_hex(blob));
  }
}

TEST_CASE("a flipped byte in any member fails the layer") {
  const Wheel wheel;
  const std::string good = REQUIRE_OK(base::read_file(wheel.dir / "w.zip"));
  const ZipArchive zip = REQUIRE_OK(ZipArchive::open(wheel.file, "w.zip"));
  for (const ZipEntry& entry : zip.entries()) {
    // In a run of zeros another match distance gives the same content.
    if (entry.compressed_size < 20 || entry.name == "a/lib/zeros.bin") continue;
    const std::uint64_t begin = REQUIRE_OK(zip.data_offset(entry));
    // Not the very last byte: the bits after the end of the stream may be anything.
    for (const std::uint64_t at :
         {begin + 1, begin + entry.compressed_size / 2, begin + entry.compressed_size - 5}) {
      std::string bad = good;
      bad[static_cast<std::size_t>(at)] ^= 0x20;
      const base::TextAccess data(bad);
      for (const std::size_t workers : {0u, 1u}) {
        INFO(entry.name << " at " << at << " workers " << workers);
        const auto written = write_layer(data, "gzip", workers, nullptr, 10);
        REQUIRE_FALSE(written);
        CHECK(written.error().code() == Errc::mismatch);
        CHECK(written.error().message().find(entry.name) != std::string::npos);
      }
    }
  }
}

TEST_CASE("a failing sink ends the layer with its error") {
  struct Full final : base::Sink {
    Result<> write(base::Bytes) override { return fail(Errc::io, "the disk is full"); }
  };
  for (const std::size_t workers : {0u, 3u}) {
    Full sink;
    LayerWriter writer(sink, {.workers = workers});
    const std::string text = sample(20'000'000, 5);
    const auto added = writer.add(file_entry("f", text.size()), std::string_view(text));
    const auto finished = writer.finish();
    REQUIRE_FALSE(finished);
    CHECK((added ? finished.error() : added.error()).message() == "the disk is full");
  }
}

TEST_CASE("entries out of order, twice or below a file are refused") {
  const auto second = [](const std::string& first, const std::string& then) {
    std::string blob;
    base::StringSink sink(blob);
    LayerWriter writer(sink, {});
    REQUIRE_OK(writer.add(file_entry(first, 0)));
    const auto added = writer.add(file_entry(then, 0));
    if (!added) CHECK(writer.finish().error().code() == Errc::internal);
    return added ? std::string("added") : std::string(base::to_string(added.error().code()));
  };
  CHECK(second("a", "b") == "added");
  CHECK(second("a", "a-b") == "added");
  CHECK(second("b", "a") == "internal");
  CHECK(second("a", "a") == "internal");
  CHECK(second("a", "a/b") == "invalid");
  CHECK(second("a", "a/b/c") == "invalid");

  std::string blob;
  base::StringSink sink(blob);
  LayerWriter writer(sink, {});
  REQUIRE_OK(writer.add(file_entry("a", 0)));
  REQUIRE_OK(writer.add(file_entry("a-b", 0)));
  CHECK(writer.add(file_entry("a/b", 0)).error().code() == Errc::invalid);
}

TEST_CASE("content that is shorter or longer than announced is an error") {
  for (const std::uint64_t announced : {3u, 5u}) {
    std::string blob;
    base::StringSink sink(blob);
    LayerWriter writer(sink, {});
    base::TextSource four("four");
    CHECK(writer.add(file_entry("f", announced), four).error().code() == Errc::mismatch);
    CHECK(writer.finish().error().code() == Errc::internal);
  }
}

TEST_CASE("a stop request ends the layer") {
  std::stop_source stopped;
  stopped.request_stop();
  std::string blob;
  base::StringSink sink(blob);
  LayerWriter writer(sink, {.workers = 2, .stop = stopped.get_token()});
  CHECK(writer.add(file_entry("f", 0)).error().code() == Errc::cancelled);
}

}  // namespace imgforge::archive
