#include "registry/patience.h"

namespace imgforge::registry {
namespace {

/// Nobody there, no such name, no TLS: mostly a mistake in the name, seldom a moment's trouble.
constexpr int kConnectAttempts = 3;

bool is_no_connection(const Error& error) {
  const std::string code = fact(error, "curl");  // proxy's name, name, connection, TLS
  return code == "5" || code == "6" || code == "7" || code == "35";
}

}  // namespace

std::optional<std::chrono::milliseconds> Patience::after(const Error& error) {
  ++attempts_;
  if (!http::is_transient(error)) return std::nullopt;
  // A person ends that, not a moment.
  if (fact(error, "rule") == "read_only") return std::nullopt;
  if (is_no_connection(error) && attempts_ >= kConnectAttempts) return std::nullopt;
  const auto delay =
      http::retry_delay(policy_, attempts_, http::retry_after(error), http::random_jitter());
  if (!delay || Clock::now() + *delay > since_ + longest_) return std::nullopt;
  return delay;
}

void Patience::progressed() {
  attempts_ = 0;
  since_ = Clock::now();
}

std::string fact(const Error& error, std::string_view name) {
  for (const auto& [key, value] : error.facts()) {
    if (key == name) return value;
  }
  return {};
}

}  // namespace imgforge::registry
