#include "content/pusher.h"

#include <chrono>
#include <thread>

#include "catch.h"
#include "unit/content/memory_end.h"

using namespace imgforge;
using namespace std::chrono_literals;
using content::Pusher;
using test::MemoryEnd;

TEST_CASE("never more at once than asked for, and never a blob twice") {
  MemoryEnd from, to;
  std::vector<oci::Descriptor> blobs;
  for (int i = 0; i < 40; ++i) blobs.push_back(from.add_blob("blob " + std::to_string(i)));
  to.before_take = [](const oci::Descriptor&) -> Result<> {
    std::this_thread::sleep_for(1ms);
    return {};
  };
  Pusher pusher(from, to, {.parallel = 3}, base::silent_progress(), {});
  {
    std::vector<std::jthread> builders;
    for (int thread = 0; thread < 4; ++thread) {
      builders.emplace_back([&] {
        for (const auto& blob : blobs) pusher.offer(blob);
      });
    }
  }
  REQUIRE_OK(pusher.settle());
  CHECK(to.count("take") == 40);
  CHECK(to.most_at_once <= 3);
  CHECK(to.most_at_once > 1);
  CHECK(pusher.moved().sent.blobs == 40);
}

TEST_CASE("blobs move while nobody waits") {
  MemoryEnd from, to;
  Pusher pusher(from, to, {}, base::silent_progress(), {});
  pusher.offer(from.add_blob("early"));
  for (int i = 0; i < 500 && to.count("take") == 0; ++i) std::this_thread::sleep_for(10ms);
  CHECK(to.count("take") == 1);
}

TEST_CASE("the first failure is reported, ends the rest, and stays") {
  MemoryEnd from, to;
  std::atomic<int> asked = 0;
  to.before_take = [&](const oci::Descriptor&) -> Result<> {
    if (++asked == 2) return fail(Errc::refused, "enough");
    return {};
  };
  Pusher pusher(from, to, {.parallel = 1}, base::silent_progress(), {});
  for (int i = 0; i < 10; ++i) pusher.offer(from.add_blob(std::to_string(i)));
  const auto done = pusher.settle();
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == Errc::refused);
  CHECK(asked == 2);
  pusher.offer(from.add_blob("later"));
  CHECK(pusher.settle().error().code() == Errc::refused);
  CHECK(pusher.publish({from.add_image("x", {})}, {"t"}).error().code() == Errc::refused);
  CHECK(to.tags.empty());
}

TEST_CASE("a stop from outside is no failure of a blob") {
  MemoryEnd from, to;
  std::stop_source stop;
  to.before_take = [&](const oci::Descriptor&) -> Result<> {
    stop.request_stop();
    return fail(Errc::unavailable, "broken off");
  };
  Pusher pusher(from, to, {}, base::silent_progress(), stop.get_token());
  pusher.offer(from.add_blob("x"));
  CHECK(pusher.settle().error().code() == Errc::cancelled);
}

TEST_CASE("nothing to do is done at once; a pusher that is dropped ends its threads") {
  MemoryEnd from, to;
  Pusher idle(from, to, {}, base::silent_progress(), {});
  REQUIRE_OK(idle.settle());
  REQUIRE_OK(idle.publish({}, {}));
  to.before_take = [](const oci::Descriptor&) -> Result<> {
    std::this_thread::sleep_for(5ms);
    return {};
  };
  const auto started = std::chrono::steady_clock::now();
  {
    Pusher dropped(from, to, {.parallel = 2}, base::silent_progress(), {});
    for (int i = 0; i < 1000; ++i) dropped.offer(from.add_blob(std::to_string(i)));
  }
  CHECK(std::chrono::steady_clock::now() - started < 3s);
}
