#include <thread>

#include "base/sha256.h"
#include "base/text.h"
#include "http/client.h"
#include "unit/sources/fixtures.h"

using namespace imgforge;
using namespace imgforge::sources;
using test::contains;
using test::FaultServer;

namespace {

// content(N) of the fault server.
std::string content(std::size_t size) {
  std::string block;
  for (int i = 0; i < 1024; ++i) {
    block += *base::from_hex(base::sha256_hex(std::to_string(i)));
  }
  std::string out;
  while (out.size() < size) out += block;
  out.resize(size);
  return out;
}

Origin at(const std::string& url) { return {.kind = Origin::Kind::url, .path = url}; }

Result<> fetch_one(test::Workplace& place, const std::string& url, std::size_t size) {
  return place.sources.fetch(std::vector{test::input_of(content(size), at(url))}, 1, {});
}

std::size_t requests(const FaultServer& server) {
  http::Client client = REQUIRE_OK(http::Client::create({}));
  const auto log = REQUIRE_OK(http::get_document(client, server.url("log"), {}, 1 << 20, {}));
  return REQUIRE_OK(base::parse_json(log.body, "log")).size() - 1;
}

}  // namespace

TEST_CASE("a good file is fetched once, in its place and verified") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const Input input = test::input_of(content(3'000'000), at(server.url("bytes/3000000")));
  REQUIRE_OK(place.sources.fetch(std::vector{input, input, input}, 4, {}));
  CHECK(requests(server) == 1);
  CHECK(REQUIRE_OK(base::read_file(place.store.input_path(input.digest))) == content(3'000'000));
  REQUIRE_OK(place.sources.fetch(std::vector{input}, 4, {}));
  CHECK(requests(server) == 2);  // only our own question for the log
}

TEST_CASE("a broken transfer goes on where it was") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  for (const std::string fault : {"@reset=2", "@close=2"}) {
    CAPTURE(fault);
    const std::size_t size = fault == "@reset=2" ? 400'000 : 400'001;
    const std::string path = fault + "/bytes/" + std::to_string(size);
    REQUIRE_OK(fetch_one(place, server.url(path), size));
    http::Client client = REQUIRE_OK(http::Client::create({}));
    const auto log = REQUIRE_OK(base::parse_json(
        REQUIRE_OK(http::get_document(client, server.url("log"), {}, 1 << 20, {})).body, "log"));
    std::vector<std::string> ranges;
    for (const base::Json& entry : log) {
      if (entry["path"] == "/" + path) ranges.push_back(entry["range"]);
    }
    REQUIRE(ranges.size() == 3);
    CHECK(ranges[0].empty());
    CHECK(ranges[1].starts_with("bytes="));
    CHECK(ranges[2] > ranges[1]);
  }
}

TEST_CASE("a server without ranges starts again, and the rest is taken") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  REQUIRE_OK(fetch_one(place, server.url("@noranges/@close=1/bytes/300000"), 300'000));
}

TEST_CASE("a busy server is asked again when it says so") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const auto begun = std::chrono::steady_clock::now();
  REQUIRE_OK(fetch_one(place, server.url("@status=503,1,2/bytes/1000"), 1000));
  CHECK(std::chrono::steady_clock::now() - begun >= std::chrono::seconds(2));
  REQUIRE_OK(fetch_one(place, server.url("@status=429,1,1/bytes/1001"), 1001));
  REQUIRE_OK(fetch_one(place, server.url("@status=503,1/@retrydate=1/bytes/1002"), 1002));
  const auto hours = fetch_one(place, server.url("@status=503,9,7200/bytes/1003"), 1003);
  REQUIRE_FALSE(hours);
  CHECK(hours.error().code() == Errc::unavailable);
}

TEST_CASE("errors that waiting does not mend are not tried again") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  struct Row {
    const char* path;
    Errc code;
  };
  for (const Row& row :
       {Row{"@status=401/bytes/10", Errc::unauthorized},
        Row{"@status=403/bytes/10", Errc::forbidden}, Row{"nothing", Errc::not_found},
        Row{"@wrong/bytes/10", Errc::mismatch}, Row{"@truncated/bytes/20", Errc::mismatch},
        Row{"@long/bytes/10", Errc::mismatch}}) {
    CAPTURE(row.path);
    const std::size_t before = requests(server);
    const std::size_t size = contains(row.path, "20") ? 20 : 10;
    const auto fetched = fetch_one(place, server.url(row.path), size);
    REQUIRE_FALSE(fetched);
    CHECK(fetched.error().code() == row.code);
    CHECK(requests(server) == before + 2);  // one request, and our question for the log
  }
  const auto wrong = fetch_one(place, server.url("@wrong/bytes/10"), 10);
  std::string other = content(10);
  other[5] = static_cast<char>(other[5] ^ 1);
  CHECK(contains(wrong.error().summary(), base::sha256_hex(content(10))));
  CHECK(contains(wrong.error().summary(), base::sha256_hex(other)));
}

TEST_CASE("all that fail are named in one error, and the others are there") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  std::vector<Input> inputs;
  for (std::size_t i = 0; i < 6; ++i) {
    const std::string path = i % 2 == 0 ? "bytes/" : "absent/";
    inputs.push_back(test::input_of(content(100 + i),
                                    at(server.url(path + std::to_string(100 + i))),
                                    "file-" + std::to_string(i)));
  }
  const auto fetched = place.sources.fetch(inputs, 3, {});
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code() == Errc::not_found);
  CHECK(contains(fetched.error().message(), "3 of 6 inputs"));
  for (std::size_t i = 0; i < 6; ++i) {
    CHECK(contains(fetched.error().message(), "file-" + std::to_string(i)) == (i % 2 == 1));
    CHECK(place.store.has_input(inputs[i].digest) == (i % 2 == 0));
  }
}

TEST_CASE("addresses are http or https, and secrets are not shown") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  CHECK(fetch_one(place, "file:///etc/passwd", 1).error().code() == Errc::invalid);
  CHECK(fetch_one(place, "ftp://x.example/y", 1).error().code() == Errc::invalid);
  const auto lost = fetch_one(
      place, "http://user:s3cret@127.0.0.1:" + server.port() + "/nothing?token=s3cret", 1);
  REQUIRE_FALSE(lost);
  std::string all = lost.error().summary() + lost.error().hint();
  for (const auto& [key, value] : lost.error().facts()) all += value;
  CHECK_FALSE(contains(all, "s3cret"));
  CHECK(fetch_one(place, "", 1).error().code() == Errc::invalid);
  for (const auto kind : {Origin::Kind::project, Origin::Kind::registry, Origin::Kind::builtin}) {
    const Input input = test::input_of("x", {.kind = kind, .path = "y"});
    CHECK(place.sources.fetch(std::vector{input}, 1, {}).error().code() == Errc::unsupported);
  }
}

TEST_CASE("redistributables come from their folder") {
  FaultServer server;
  AddressSettings settings = test::bare_settings();
  settings.redist["cuda"] = server.url("bytes");
  test::Workplace place(settings);
  const Origin origin{.kind = Origin::Kind::redist, .role = "cuda", .path = "500"};
  REQUIRE_OK(place.sources.fetch(std::vector{test::input_of(content(500), origin)}, 1, {}));
  CHECK(REQUIRE_OK(place.sources.fetch_document(origin, 1000, {})) == content(500));
  CHECK(place.sources.fetch_document(origin, 499, {}).error().code() == Errc::invalid);
  CHECK(
      place.sources.fetch_document({.kind = Origin::Kind::redist, .role = "x", .path = "y"}, 9, {})
          .error()
          .code() == Errc::not_found);
  CHECK(REQUIRE_OK(place.sources.fetch_document(at(server.url("@status=503,1/bytes/9")), 9, {})) ==
        content(9));
}

TEST_CASE("vendored folders come before any network") {
  const auto vendored = test::temporary();
  AddressSettings settings = test::bare_settings();
  settings.vendor_folders = {"/nonexistent", vendored.path()};
  test::Workplace place(settings);
  const Input good = test::input_of("good", at("http://127.0.0.1:1/x"), "good");
  const Input bad = test::input_of("badd", at("http://127.0.0.1:1/x"), "bad");
  REQUIRE_OK(base::make_directories(vendored / "sha256"));
  REQUIRE_OK(base::write_file_atomic(vendored / "sha256/" + good.digest.hex(), "good"));
  REQUIRE_OK(base::write_file_atomic(vendored / "sha256/" + bad.digest.hex(), "evil"));
  REQUIRE_OK(place.sources.fetch(std::vector{good}, 1, {}));
  CHECK(REQUIRE_OK(base::read_file(place.store.input_path(good.digest))) == "good");
  // A damaged one is not taken; here nobody else has it.
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  CHECK(place.sources.fetch(std::vector{bad}, 1, stop.get_token()).error().code() ==
        Errc::cancelled);
  CHECK_FALSE(place.store.has_input(bad.digest));
}

TEST_CASE("vendoring copies out of the store, adds to the list, and serves another store") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const auto folder = test::temporary();
  const std::string target = folder / "inputs";
  const Input one = test::input_of(content(1000), at(server.url("bytes/1000")), "one");
  const Input two = test::input_of(content(2000), at(server.url("bytes/2000")), "two");
  CHECK(vendor(place.store, std::vector{one}, target, base::silent_progress(), {}).error().code() ==
        Errc::not_found);
  REQUIRE_OK(place.sources.fetch(std::vector{one, two}, 2, {}));
  REQUIRE_OK(vendor(place.store, std::vector{one}, target, base::silent_progress(), {}));
  const std::string first = REQUIRE_OK(base::read_file(target + "/inputs.json"));
  REQUIRE_OK(vendor(place.store, std::vector{one}, target, base::silent_progress(), {}));
  CHECK(REQUIRE_OK(base::read_file(target + "/inputs.json")) == first);
  REQUIRE_OK(vendor(place.store, std::vector{two}, target, base::silent_progress(), {}));
  const base::Json list = REQUIRE_OK(
      base::parse_json(REQUIRE_OK(base::read_file(target + "/inputs.json")), "inputs.json"));
  CHECK(list["inputs"].size() == 2);
  AddressSettings settings = test::bare_settings();
  settings.vendor_folders = {target};
  test::Workplace other(settings);
  const std::size_t before = requests(server);
  REQUIRE_OK(other.sources.fetch(std::vector{one, two}, 2, {}));
  CHECK(requests(server) == before + 1);
  CHECK(REQUIRE_OK(base::read_file(other.store.input_path(two.digest))) == content(2000));
}

TEST_CASE("a file is read by ranges, by several threads at once") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  constexpr std::size_t kSize = 3'000'001;
  const std::string whole = content(kSize);
  const Input input = test::input_of(whole, at(server.url("bytes/" + std::to_string(kSize))));
  const auto file = REQUIRE_OK(place.sources.open(input, {}));
  CHECK(file->size() == kSize);
  CHECK_FALSE(place.store.has_input(input.digest));
  std::atomic<int> wrong{0};
  {
    std::vector<std::jthread> threads;
    for (unsigned seed = 1; seed <= 4; ++seed) {
      threads.emplace_back([&, seed] {
        unsigned random = seed * 2654435761u;
        for (int i = 0; i < 60; ++i) {
          random = random * 1664525u + 1013904223u;
          const std::size_t length = i % 20 == 0 ? 900'000 : 1 + random % 200'000;
          const std::size_t offset = (random >> 3) % (kSize - length);
          std::string buffer(length, '\0');
          const auto done =
              file->read_at(offset, {reinterpret_cast<std::byte*>(buffer.data()), buffer.size()});
          if (!done || whole.compare(offset, length, buffer) != 0) ++wrong;
        }
      });
    }
  }
  CHECK(wrong == 0);
  std::string tail(10, '\0');
  const base::MutableBytes buffer{reinterpret_cast<std::byte*>(tail.data()), tail.size()};
  REQUIRE_OK(file->read_at(kSize - 10, buffer));
  CHECK(tail == whole.substr(kSize - 10));
  CHECK(file->read_at(kSize - 9, buffer).error().code() == Errc::io);
  REQUIRE_OK(file->read_at(kSize, buffer.first(0)));
}

TEST_CASE("neighbouring reads cost one request, and breaks are mended") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const Input input = test::input_of(content(1'000'000), at(server.url("bytes/1000000")));
  const auto file = REQUIRE_OK(place.sources.open(input, {}));
  std::string buffer(1000, '\0');
  const std::size_t before = requests(server);
  for (std::size_t offset = 140'000; offset < 190'000; offset += 1000) {
    REQUIRE_OK(file->read_at(offset, {reinterpret_cast<std::byte*>(buffer.data()), 1000}));
  }
  CHECK(requests(server) == before + 2);  // one, and our question for the log
  const Input broken = test::input_of(content(500'000), at(server.url("@close=1/bytes/500000")));
  const auto mended = REQUIRE_OK(place.sources.open(broken, {}));
  REQUIRE_OK(mended->read_at(100, {reinterpret_cast<std::byte*>(buffer.data()), 1000}));
  CHECK(buffer == content(500'000).substr(100, 1000));
}

TEST_CASE("without ranges a file is fetched whole") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const Input input = test::input_of(content(200'000), at(server.url("@noranges/bytes/200000")));
  const auto file = REQUIRE_OK(place.sources.open(input, {}));
  CHECK(place.store.has_input(input.digest));
  std::string buffer(1000, '\0');
  REQUIRE_OK(file->read_at(5000, {reinterpret_cast<std::byte*>(buffer.data()), 1000}));
  CHECK(buffer == content(200'000).substr(5000, 1000));
}

TEST_CASE("an address without a hash is pinned by fetching it") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  const Input input =
      REQUIRE_OK(place.sources.pin(at(server.url("@close=1/bytes/300000")), "x", {}));
  CHECK(input.digest == oci::Digest::of(content(300'000)));
  CHECK(input.size == 300'000);
  CHECK(input.name == "x");
  CHECK(place.store.has_input(input.digest));
}

TEST_CASE("a fetch can be interrupted") {
  FaultServer server;
  test::Workplace place(test::bare_settings());
  std::stop_source stop;
  std::jthread later([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    stop.request_stop();
  });
  const Input input = test::input_of(content(500'000), at(server.url("@stall=9/bytes/500000")));
  const auto fetched = place.sources.fetch(std::vector{input}, 1, stop.get_token());
  REQUIRE_FALSE(fetched);
  CHECK(fetched.error().code() == Errc::cancelled);
}
