#include "catch.h"
#include "registry/patience.h"

using namespace imgforge;
using namespace std::chrono_literals;
using registry::Patience;

TEST_CASE("attempts end, and begin anew when something came") {
  const http::RetryPolicy policy{.attempts = 3, .base = 1ms, .cap = 1ms};
  Patience patience(policy, 1h);
  const Error busy(Errc::unavailable, "busy");
  CHECK(patience.after(busy));
  CHECK(patience.after(busy));
  CHECK_FALSE(patience.after(busy));
  patience.progressed();
  CHECK(patience.after(busy));
  CHECK_FALSE(patience.after(Error(Errc::forbidden, "no")));
}

TEST_CASE("nobody there is believed sooner than a busy server") {
  const http::RetryPolicy policy{.attempts = 100, .base = 1ms, .cap = 1ms};
  Patience patience(policy, 1h);
  const auto absent = [] { return Error(Errc::unavailable, "no such host").with("curl", "6"); };
  CHECK(patience.after(absent()));
  CHECK(patience.after(absent()));
  CHECK_FALSE(patience.after(absent()));
}

TEST_CASE("a wait that would end after the patience is not begun") {
  const http::RetryPolicy policy{.attempts = 100};
  Patience patience(policy, 10s);
  CHECK_FALSE(patience.after(Error(Errc::rate_limited, "slow").with("retry_after", "60")));
  CHECK(patience.after(Error(Errc::rate_limited, "slow").with("retry_after", "2")));
}

TEST_CASE("read-only mode is not waited for") {
  const http::RetryPolicy policy{.attempts = 100};
  Patience patience(policy, 1h);
  CHECK_FALSE(patience.after(Error(Errc::unavailable, "no").with("rule", "read_only")));
  CHECK(patience.after(Error(Errc::unavailable, "no").with("rule", "other")));
}
