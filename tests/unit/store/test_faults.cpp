// A full disk and processes that die in the middle: the store stays whole.
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_fixture.h"

using namespace imgforge;
using namespace imgforge::store;

namespace {

// A small file system of its own, or none when this machine forbids it.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    REQUIRE_OK(base::make_directories(path));
    mounted_ = ::mount("imgforge-test", path.c_str(), "tmpfs", 0, "size=4m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a full disk is an error that says so, and the store stays whole") {
  const auto folder = REQUIRE_OK(base::TempDir::create("/tmp", "imgforge-store"));
  const SmallDisk disk(folder / "disk");
  if (!disk.mounted()) SKIP_TEST("mounting a tmpfs is not allowed here (needs root)");
  Store store = REQUIRE_OK(Store::open(folder / "disk/store"));
  const auto image = small_image(store);
  REQUIRE_OK(store.put_image("t", image));
  const auto before = REQUIRE_OK(store.usage());

  SECTION("when the size is known, before anything is written") {
    const auto blob = store.new_blob(8 << 20);
    REQUIRE_FALSE(blob);
    CHECK(blob.error().code() == Errc::io);
    CHECK_THAT(blob.error().summary(), Catch::Contains(store.directory()));
    CHECK_FALSE(blob.error().hint().empty());
  }
  SECTION("while writing") {
    Ingest blob = REQUIRE_OK(store.new_blob());
    const std::string chunk = noise(1 << 20);
    Result<> written;
    for (int i = 0; i < 8 && written; ++i) written = blob.write(base::as_bytes(chunk));
    REQUIRE_FALSE(written);
    CHECK(written.error().code() == Errc::io);
    CHECK_THAT(written.error().summary(), Catch::Contains(store.directory()));
    CHECK_FALSE(written.error().hint().empty());
  }
  SECTION("while an archive is written") {
    const auto layer = put_layer_blob(store, {{"zeros", std::string(20 << 20, '\0')}});
    const auto large = put_image_of(store, {layer});
    const std::string target = folder / "disk/out/image.tar";
    const auto exported = export_docker_archive(store, large, target, {"a:b"},
                                                base::silent_progress(), std::stop_token{});
    REQUIRE_FALSE(exported);
    CHECK(exported.error().code() == Errc::io);
    CHECK_THAT(exported.error().summary(), Catch::Contains(target));
    CHECK(REQUIRE_OK(base::list_directory(folder / "disk/out")).empty());
    REQUIRE_OK(store.prune({}));
  }
  const auto after = REQUIRE_OK(store.usage());
  CHECK(after.blobs == before.blobs);
  CHECK(after.temporary_bytes == 0);
  require_valid(store.directory());
  put_blob(store, "small still fits");
}

TEST_CASE("a writer that is killed in the middle leaves only what prune removes") {
  auto place = TestStore::make();
  const auto image = small_image(place.store);
  REQUIRE_OK(place.store.put_image("t", image));
  for (int round = 0; round < 8; ++round) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    const pid_t child = fork_child([&] {
      auto store = Store::open(place.store.directory());
      const auto held = store->hold();
      auto blob = store->new_blob(10 << 20);
      for (unsigned i = 0;; ++i) {
        const std::string chunk = noise(4096, i);
        if (!blob->write(base::as_bytes(chunk))) return false;
        if (i == 0 && ::write(ready[1], "x", 1) != 1) return false;
        if (!store->put_image("killed-" + std::to_string(round) + "-" + std::to_string(i % 3),
                              image)) {
          return false;
        }
      }
    });
    ::close(ready[1]);
    char byte;
    REQUIRE(::read(ready[0], &byte, 1) == 1);
    ::close(ready[0]);
    CHECK(place.store.prune({}).error().code() == Errc::refused);
    ::usleep(static_cast<useconds_t>(1000 * round));
    REQUIRE(::kill(child, SIGKILL) == 0);
    const int status = wait_for(child);
    REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));

    Store again = REQUIRE_OK(Store::open(place.store.directory()));
    CHECK(REQUIRE_OK(again.usage()).temporary_bytes >= 4096);
    CHECK(REQUIRE_OK(again.find_image("t"))->digest == image.digest);
    require_valid(again.directory());
    REQUIRE_OK(again.prune({}));  // the lock went with its process
    CHECK(REQUIRE_OK(again.usage()).temporary_bytes == 0);
  }
  for (const std::string& name : REQUIRE_OK(base::list_directory(place.store.directory()))) {
    CHECK_THAT(name, !Catch::Contains(".tmp-"));
  }
}

TEST_CASE("an export that is killed is finished by the next") {
  auto place = TestStore::make();
  std::vector<BuiltLayer> layers;
  for (int i = 0; i < 30; ++i) {
    layers.push_back(put_layer_blob(place.store, {{"f" + std::to_string(i), noise(2000, i)}}));
  }
  const auto image = put_image_of(place.store, layers);
  for (int round = 0; round < 5; ++round) {
    const std::string layout = place.folder / ("layout" + std::to_string(round));
    const pid_t child = fork_child([&] {
      return export_layout(place.store, image, layout, "t", base::silent_progress(),
                           std::stop_token{})
          .has_value();
    });
    ::usleep(static_cast<useconds_t>(300 * round));
    ::kill(child, SIGKILL);
    (void)wait_for(child);
    REQUIRE_OK(
        export_layout(place.store, image, layout, "t", base::silent_progress(), std::stop_token{}));
    require_valid(layout);
  }
}
