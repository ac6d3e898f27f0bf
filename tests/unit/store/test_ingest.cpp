#include <sys/stat.h>

#include <thread>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {
std::size_t temporaries(const TestStore& place) {
  return REQUIRE_OK(base::list_directory(place.path("tmp"))).size();
}
}  // namespace

TEST_CASE("a blob is named by its content, read-only, and read back whole") {
  auto place = TestStore::make();
  const std::string content = noise(1000000);
  const oci::Digest digest = put_blob(place.store, content);
  CHECK(digest == oci::Digest::of(content));
  CHECK(place.store.has_blob(digest));
  CHECK(REQUIRE_OK(place.store.blob_size(digest)) == content.size());
  CHECK(REQUIRE_OK(place.store.read_blob(digest)) == content);
  struct stat status {};
  REQUIRE(::stat(place.store.blob_path(digest).c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0444);
  CHECK(temporaries(place) == 0);
  CHECK(place.store.blob_size(oci::Digest::of("?")).error().code() == Errc::not_found);
  CHECK(place.store.read_blob(digest, 10).error().code() == Errc::invalid);
}

TEST_CASE("a wrong announced size does not change the content") {
  auto place = TestStore::make();
  for (const std::uint64_t announced : {0, 1, 100000}) {
    const std::string content = "content " + std::to_string(announced);
    Ingest blob = REQUIRE_OK(place.store.new_blob(announced));
    REQUIRE_OK(blob.write(base::as_bytes(content)));
    CHECK(blob.written() == content.size());
    const oci::Digest digest = REQUIRE_OK(blob.commit());
    CHECK(REQUIRE_OK(place.store.read_blob(digest)) == content);
  }
}

TEST_CASE("what is not as expected leaves nothing") {
  auto place = TestStore::make();
  const auto commit = [&](const Ingest::Expected& expected) {
    Ingest blob = REQUIRE_OK(place.store.new_blob());
    REQUIRE_OK(blob.write(base::as_bytes("abc")));
    return blob.commit(expected);
  };
  const auto digest = commit({oci::Digest::of("abd"), 3});
  REQUIRE_FALSE(digest);
  CHECK(digest.error().code() == Errc::mismatch);
  CHECK_THAT(digest.error().summary(), Catch::Contains(oci::Digest::of("abc").to_string()));
  const auto size = commit({oci::Digest::of("abc"), 4});
  REQUIRE_FALSE(size);
  CHECK(size.error().code() == Errc::mismatch);
  { Ingest abandoned = REQUIRE_OK(place.store.new_blob(1 << 20)); }
  CHECK(temporaries(place) == 0);
  CHECK(REQUIRE_OK(place.store.usage()).blobs == 0);
  CHECK(commit({oci::Digest::of("abc"), 3}));
}

TEST_CASE("content that is there already is success; a cut blob is replaced") {
  auto place = TestStore::make();
  const oci::Digest digest = put_blob(place.store, "abc");
  CHECK(put_blob(place.store, "abc") == digest);
  CHECK(temporaries(place) == 0);
  REQUIRE_OK(base::write_file_atomic(place.store.blob_path(digest), "a"));
  CHECK(put_blob(place.store, "abc") == digest);
  CHECK(REQUIRE_OK(place.store.read_blob(digest)) == "abc");
}

TEST_CASE("a blob whose digest the caller knows is not hashed again") {
  auto place = TestStore::make();
  Ingest blob = REQUIRE_OK(place.store.new_blob(3, false));
  REQUIRE_OK(blob.write(base::as_bytes("abc")));
  REQUIRE_OK(blob.commit_hashed(oci::Digest::of("abc")));
  CHECK(REQUIRE_OK(place.store.read_blob(oci::Digest::of("abc"))) == "abc");
  Ingest unhashed = REQUIRE_OK(place.store.new_blob(3, false));
  CHECK(unhashed.commit().error().code() == Errc::internal);
}

TEST_CASE("inputs are kept apart from blobs, and taken from files only when they are right") {
  auto place = TestStore::make();
  const std::string file = place.folder / "wheel";
  REQUIRE_OK(base::write_file_atomic(file, "wheel"));
  const oci::Digest digest = oci::Digest::of("wheel");
  CHECK(place.store.adopt_input(file, oci::Digest::of("other"), 5).error().code() ==
        Errc::mismatch);
  CHECK(place.store.adopt_input(file, digest, 6).error().code() == Errc::mismatch);
  CHECK_FALSE(place.store.has_input(digest));
  REQUIRE_OK(place.store.adopt_input(file, digest, 5));
  CHECK(place.store.has_input(digest));
  CHECK_FALSE(place.store.has_blob(digest));
  base::File opened = REQUIRE_OK(place.store.open_input(digest));
  CHECK(REQUIRE_OK(base::read_all(opened, 100)) == "wheel");
  REQUIRE_OK(base::remove_all(file));
  REQUIRE_OK(place.store.adopt_input(file, digest, 5));  // is there: the file is not asked
  CHECK(place.store.adopt_input(file, oci::Digest::of("x"), 1).error().code() == Errc::not_found);
}

TEST_CASE("documents are put once") {
  auto place = TestStore::make();
  const auto descriptor = REQUIRE_OK(place.store.put_document("{}", oci::media_type::kConfig));
  CHECK(descriptor.size == 2);
  CHECK(descriptor.media_type == oci::media_type::kConfig);
  CHECK(REQUIRE_OK(place.store.put_document("{}", oci::media_type::kConfig)) == descriptor);
  CHECK(REQUIRE_OK(place.store.usage()).blobs == 1);
}

TEST_CASE("a damaged document is not handed out") {
  auto place = TestStore::make();
  const auto document = REQUIRE_OK(place.store.put_document(R"({"a":1})", "x"));
  damage(place.store.blob_path(document.digest));
  const auto read = place.store.read_blob(document.digest);
  REQUIRE_FALSE(read);
  CHECK(read.error().code() == Errc::mismatch);
  CHECK_THAT(read.error().hint(), Catch::Contains("verify"));
}

TEST_CASE("processes and threads that write the same and other blobs at once") {
  auto place = TestStore::make();
  constexpr int kBlobs = 20;
  const auto content = [](int i) { return noise(20000 + 1000 * i, 100 + i); };
  const auto write_all = [&](int from) {
    auto store = Store::open(place.store.directory());
    if (!store) return false;
    for (int i = 0; i < kBlobs; ++i) {
      const std::string bytes = content((from * 7 + i) % kBlobs);
      auto blob =
          store->new_blob(i % 2 == 0 ? std::optional<std::uint64_t>(bytes.size()) : std::nullopt);
      if (!blob || !blob->write(base::as_bytes(bytes)) || !blob->commit()) return false;
      if (!store->put_image("image-" + std::to_string(from) + "-" + std::to_string(i),
                            {.media_type = oci::media_type::kManifest,
                             .digest = oci::Digest::of(bytes),
                             .size = bytes.size()})) {
        return false;
      }
    }
    return true;
  };
  constexpr int kProcesses = 4;
  std::vector<pid_t> children;
  for (int i = 0; i < kProcesses; ++i)
    children.push_back(fork_child([&, i] { return write_all(i); }));
  bool threads[2] = {};
  {
    std::jthread first([&] { threads[0] = write_all(kProcesses); });
    std::jthread second([&] { threads[1] = write_all(kProcesses + 1); });
  }
  for (const pid_t child : children) CHECK(wait_for(child) == 0);
  CHECK((threads[0] && threads[1]));
  CHECK(REQUIRE_OK(place.store.usage()).blobs == kBlobs);
  for (int i = 0; i < kBlobs; ++i) {
    const std::string bytes = content(i);
    CHECK(REQUIRE_OK(place.store.read_blob(oci::Digest::of(bytes))) == bytes);
  }
  // No entry of index.json was lost to another writer.
  CHECK(REQUIRE_OK(place.store.images()).size() == kBlobs * (kProcesses + 2));
  CHECK(temporaries(place) == 0);
}
