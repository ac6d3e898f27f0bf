#include "catch.h"
#include "http/retry.h"

using namespace imgforge;
using namespace std::chrono_literals;
using http::retry_delay;
using http::RetryPolicy;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST_CASE("retry_delay by table") {
  const RetryPolicy policy{
      .attempts = 5, .base = 1000ms, .cap = 5000ms, .longest_retry_after = 60s};
  struct Row {
    int attempt;
    std::optional<seconds> after;
    double jitter;
    std::optional<milliseconds> expected;
  };
  const Row row = GENERATE(Row{1, {}, 0.0, 500ms}, Row{1, {}, 0.5, 750ms}, Row{1, {}, 0.999, 999ms},
                           Row{2, {}, 0.0, 1000ms}, Row{3, {}, 0.0, 2000ms},
                           Row{3, {}, 0.5, 3000ms}, Row{4, {}, 0.0, 2500ms},  // the cap
                           Row{5, {}, 0.0, std::nullopt},                     // no attempt is left
                           Row{99, {}, 0.0, std::nullopt}, Row{0, {}, 0.0, std::nullopt},
                           Row{1, 10s, 0.0, 10000ms}, Row{1, 10s, 0.5, 10250ms},
                           Row{1, 0s, 0.5, 750ms}, Row{1, 60s, 0.0, 60000ms},
                           Row{1, 61s, 0.0, std::nullopt}, Row{5, 1s, 0.0, std::nullopt});
  CAPTURE(row.attempt, row.jitter);
  CHECK(retry_delay(policy, row.attempt, row.after, row.jitter) == row.expected);
}

TEST_CASE("retry_delay does not overflow") {
  const RetryPolicy policy{.attempts = 1'000'000};
  CHECK(retry_delay(policy, 999'999, {}, 0.0) == 15'000ms);
}

TEST_CASE("Retry-After in its two forms") {
  CHECK(http::retry_after(http::Headers{{"Retry-After", "7"}}) == 7s);
  CHECK(http::retry_after(http::Headers{{"retry-after", " 7 "}}) == 7s);
  CHECK(http::retry_after(http::Headers{{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"},
                                        {"Date", "Fri, 31 Dec 1999 23:59:29 GMT"}}) == 30s);
  CHECK(http::retry_after(http::Headers{{"Retry-After", "Fri, 31 Dec 1999 23:59:00 GMT"},
                                        {"Date", "Fri, 31 Dec 1999 23:59:29 GMT"}}) == 0s);
  CHECK_FALSE(http::retry_after(http::Headers{{"Retry-After", "Fri, 31 Dec 1999 23:59:59 GMT"}}));
  CHECK_FALSE(http::retry_after(http::Headers{{"Retry-After", "soon"}}));
  CHECK_FALSE(http::retry_after(http::Headers{}));
}

TEST_CASE("what may be tried again") {
  CHECK(http::is_transient(Error(Errc::unavailable, "")));
  CHECK(http::is_transient(Error(Errc::rate_limited, "")));
  CHECK(http::is_transient(Error(Errc::timed_out, "")));
  for (const Errc code : {Errc::not_found, Errc::unauthorized, Errc::forbidden, Errc::mismatch,
                          Errc::io, Errc::cancelled, Errc::protocol, Errc::invalid}) {
    CHECK_FALSE(http::is_transient(Error(code, "")));
  }
}

TEST_CASE("jitter is in its range and waiting can be interrupted") {
  for (int i = 0; i < 1000; ++i) {
    const double value = http::random_jitter();
    REQUIRE((value >= 0.0 && value < 1.0));
  }
  std::stop_source stop;
  CHECK(http::sleep_for(1ms, stop.get_token()));
  stop.request_stop();
  const auto before = std::chrono::steady_clock::now();
  CHECK_FALSE(http::sleep_for(60s, stop.get_token()));
  CHECK(std::chrono::steady_clock::now() - before < 10s);
}
