// Bounded parallel work whose results come back by index, whose first error wins, and whose threads
// are always joined.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/error.h"

namespace imgforge::base {

/// Runs `work(index, stop)` for every index in [0, count) on at most `workers` threads (at least
/// one; the calling thread is one of them). Indexes start in order. The first error (by time)
/// requests a stop and is returned after all threads have ended; a stop of `outer` gives
/// Errc::cancelled.
Result<> parallel_for(std::size_t count, std::size_t workers, std::stop_token outer,
                      const std::function<Result<>(std::size_t, std::stop_token)>& work);

/// parallel_for with a value per index.
template <class T>
Result<std::vector<T>> parallel_map(
    std::size_t count, std::size_t workers, std::stop_token outer,
    const std::function<Result<T>(std::size_t, std::stop_token)>& work) {
  std::vector<std::optional<T>> slots(count);
  TRY(parallel_for(count, workers, outer, [&](std::size_t i, std::stop_token stop) -> Result<> {
    slots[i] = TRY(work(i, stop));
    return {};
  }));
  std::vector<T> values;
  values.reserve(count);
  for (auto& slot : slots) values.push_back(std::move(*slot));
  return values;
}

}  // namespace imgforge::base
