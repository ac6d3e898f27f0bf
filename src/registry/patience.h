// One request's or one blob's patience with its registry: how often and for how long it is tried
// again (http/retry.h has the delays).
#pragma once

#include <chrono>
#include <optional>

#include "http/retry.h"

namespace imgforge::registry {

class Patience {
 public:
  Patience(const http::RetryPolicy& policy, std::chrono::milliseconds longest)
      : policy_(policy), longest_(longest) {}

  /// An attempt has failed: how long to wait before the next one; nullopt: give up.
  std::optional<std::chrono::milliseconds> after(const Error& error);
  /// What came was worth while: attempts and time count anew.
  void progressed();

 private:
  using Clock = std::chrono::steady_clock;
  const http::RetryPolicy& policy_;
  std::chrono::milliseconds longest_;
  Clock::time_point since_ = Clock::now();
  int attempts_ = 0;
};

/// The value of a fact, empty without it.
std::string fact(const Error& error, std::string_view name);

}  // namespace imgforge::registry
