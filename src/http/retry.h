// When to try a request again, as functions of values. There is one owner of retries per byte: the
// caller of Client::send; nothing inside this room tries again by itself.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/error.h"
#include "http/headers.h"

namespace imgforge::http {

struct RetryPolicy {
  int attempts = 6;  // the first one included
  std::chrono::milliseconds base{500};
  std::chrono::milliseconds cap{30'000};
  /// A server that asks for more patience than this is not waited for.
  std::chrono::seconds longest_retry_after{120};
};

/// How long to wait after `attempt` (1 = the first) has failed; nullopt: give up. Exponential with
/// full upper half jitter: between 1/2 and 1 of min(cap, base * 2^(attempt-1)), where `jitter` in
/// [0, 1) chooses. The server's Retry-After is a floor that jitter only lengthens.
std::optional<std::chrono::milliseconds> retry_delay(
    const RetryPolicy& policy, int attempt, std::optional<std::chrono::seconds> retry_after,
    double jitter);

/// Retry-After as seconds or as a date, which is measured against the response's own Date field
/// (RFC 9110 section 10.2.3): no clock of ours takes part.
std::optional<std::chrono::seconds> retry_after(const Headers& headers);

/// Later may work: rate_limited, unavailable, timed_out.
bool is_transient(const Error& error);

/// The Retry-After that an Error of this room carries as a fact.
std::optional<std::chrono::seconds> retry_after(const Error& error);

/// A number in [0, 1) for retry_delay, different in every process.
double random_jitter();

/// False when `stop` was requested before the time was over.
bool sleep_for(std::chrono::milliseconds duration, std::stop_token stop);

/// Runs `work` until it succeeds, fails for good, or the policy gives up. `announce` hears of every
/// wait: the error and how long.
template <class Work>
auto retrying(const RetryPolicy& policy, std::stop_token stop,
              const std::function<void(const Error&, std::chrono::milliseconds)>& announce,
              Work&& work) -> decltype(work()) {
  for (int attempt = 1;; ++attempt) {
    auto result = work();
    if (result || !is_transient(result.error())) return result;
    const auto delay = retry_delay(policy, attempt, retry_after(result.error()), random_jitter());
    if (!delay) return result;
    if (announce) announce(result.error(), *delay);
    if (!sleep_for(*delay, stop)) return fail(Errc::cancelled, "interrupted");
  }
}

}  // namespace imgforge::http
