// Every blob of one image, once: what exports walk over. Private to the room.
#pragma once

#include <vector>

#include "base/progress.h"
#include "store/store.h"

namespace imgforge::store {

/// The manifest (or index) first, then what it names, depth first; each digest once. All of them
/// are in the store with the right size: an export that begins can end.
Result<std::vector<oci::Descriptor>> blobs_of(const Store& store, const oci::Descriptor& root);

inline constexpr const char* kOciLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// Passes bytes on, counts them for the progress, and stops when asked to. Borrows.
class WatchedSource final : public base::Source {
 public:
  WatchedSource(base::Source& source, base::ProgressTask& task, std::stop_token stop)
      : source_(source), task_(task), stop_(std::move(stop)) {}
  Result<std::size_t> read(base::MutableBytes buffer) override {
    if (stop_.stop_requested()) return fail(Errc::cancelled, "interrupted");
    const std::size_t n = TRY(source_.read(buffer));
    task_.advance(n);
    return n;
  }

 private:
  base::Source& source_;
  base::ProgressTask& task_;
  std::stop_token stop_;
};

}  // namespace imgforge::store
