#include "archive/sha256_pair.h"

#include <random>

#include "base/sha256.h"
#include "fixtures.h"

namespace imgforge::archive {
namespace {

// Streams of random pieces with random stretches, against OpenSSL on the collected bytes.
void compare_with_openssl(bool accelerate, bool aligned, unsigned seed) {
  std::mt19937 random(seed);
  const auto up_to = [&](std::size_t limit) { return random() % (limit + 1); };
  const std::string data = sample(300'000, seed, true);
  Sha256Pair pair(accelerate);
  std::size_t at = 0;
  const auto feed = [&](std::size_t size) {
    const std::size_t end = std::min(data.size(), at + size);
    while (at < end) {
      const std::size_t piece =
          std::min<std::size_t>(end - at, 1 + up_to(random() % 3 ? 200 : 9000));
      pair.update(base::as_bytes(std::string_view(data).substr(at, piece)));
      at += piece;
    }
  };
  int stretches = 0;
  while (at < data.size()) {
    feed(aligned ? 64 * up_to(40) : up_to(3000));
    const std::size_t begin = at;
    pair.begin_inner();
    feed(up_to(20'000));
    const std::string inner = pair.end_inner_hex();
    REQUIRE(inner == base::sha256_hex(std::string_view(data).substr(begin, at - begin)));
    if (aligned) feed((64 - at % 64) % 64);
    ++stretches;
  }
  CHECK(stretches > 5);
  CHECK(pair.finish_hex() == base::sha256_hex(data));
}

}  // namespace

TEST_CASE("two digests of one stream are those of OpenSSL: by OpenSSL itself") {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    compare_with_openssl(false, true, seed);
    compare_with_openssl(false, false, seed);
  }
}

TEST_CASE("two digests of one stream are those of OpenSSL: with SHA instructions") {
  if (!Sha256Pair::accelerated()) SKIP_TEST("this processor has no SHA instructions");
  for (unsigned seed = 1; seed <= 20; ++seed) {
    compare_with_openssl(true, true, seed);
    compare_with_openssl(true, false, seed);
  }
}

TEST_CASE("two digests of one stream: every length up to three blocks") {
  for (const bool accelerate : {false, Sha256Pair::accelerated()}) {
    const std::string data = sample(192, 9, true);
    for (std::size_t length = 0; length <= data.size(); ++length) {
      const std::string_view part = std::string_view(data).substr(0, length);
      Sha256Pair pair(accelerate);
      pair.begin_inner();
      pair.update(base::as_bytes(part));
      const std::string expected = base::sha256_hex(part);
      CHECK(pair.end_inner_hex() == expected);
      CHECK(pair.finish_hex() == expected);
    }
  }
}

}  // namespace imgforge::archive
