#include "http/retry.h"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

#include "base/text.h"

namespace imgforge::http {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::optional<milliseconds> retry_delay(const RetryPolicy& policy, int attempt,
                                        std::optional<seconds> retry_after, double jitter) {
  if (attempt < 1 || attempt >= policy.attempts) return std::nullopt;
  if (retry_after && *retry_after > policy.longest_retry_after) return std::nullopt;
  milliseconds step = policy.base;
  for (int i = 1; i < attempt && step < policy.cap; ++i) step *= 2;
  step = std::min(step, policy.cap);
  const auto half = step / 2;
  const auto spread =
      milliseconds(static_cast<std::int64_t>(static_cast<double>((step - half).count()) * jitter));
  if (retry_after) return std::max(milliseconds(*retry_after) + spread, half + spread);
  return half + spread;
}

std::optional<seconds> retry_after(const Headers& headers) {
  const auto value = headers.get("Retry-After");
  if (!value) return std::nullopt;
  if (const auto number = base::parse_uint(base::trim(*value))) {
    constexpr std::uint64_t kWeek = 7 * 24 * 3600;
    return seconds(std::min(*number, kWeek));
  }
  const auto now = headers.get("Date");
  if (!now) return std::nullopt;
  const auto until = curl_getdate(value->c_str(), nullptr);
  const auto from = curl_getdate(now->c_str(), nullptr);
  if (until < 0 || from < 0) return std::nullopt;
  return seconds(std::max<std::int64_t>(until - from, 0));
}

bool is_transient(const Error& error) {
  return error.code() == Errc::rate_limited || error.code() == Errc::unavailable ||
         error.code() == Errc::timed_out;
}

std::optional<seconds> retry_after(const Error& error) {
  for (const auto& [key, value] : error.facts()) {
    if (key != "retry_after") continue;
    if (const auto number = base::parse_uint(value)) return seconds(*number);
  }
  return std::nullopt;
}

double random_jitter() {
  std::random_device device;
  return static_cast<double>(device() & 0xFFFFFF) / static_cast<double>(0x1000000);
}

bool sleep_for(milliseconds duration, std::stop_token stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [&] { return stop.stop_requested(); });
  return !stop.stop_requested();
}

}  // namespace imgforge::http
