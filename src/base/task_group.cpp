#include "base/task_group.h"

#include <algorithm>

namespace imgforge::base {

Result<> parallel_for(std::size_t count, std::size_t workers, std::stop_token outer,
                      const std::function<Result<>(std::size_t, std::stop_token)>& work) {
  std::stop_source inner;
  const std::stop_callback forward(outer, [&] { inner.request_stop(); });
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::optional<Error> first_error;
  const auto loop = [&] {
    for (;;) {
      if (inner.stop_requested()) return;
      const std::size_t index = next.fetch_add(1);
      if (index >= count) return;
      if (auto done = work(index, inner.get_token()); !done) {
        const std::lock_guard lock(mutex);
        if (!first_error) first_error = std::move(done.error());
        inner.request_stop();
        return;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t extra = std::min(std::max<std::size_t>(workers, 1), count);
    for (std::size_t i = 1; i < extra; ++i) threads.emplace_back(loop);
    loop();
  }
  if (first_error) return fail(std::move(*first_error));
  if (outer.stop_requested()) return fail(Errc::cancelled, "interrupted");
  return {};
}

}  // namespace imgforge::base
