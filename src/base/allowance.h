// A number of bytes that several threads may hold together. Who gets none does without: nobody
// waits.
#pragma once

#include <atomic>
#include <cstdint>
#include <utility>

namespace imgforge::base {

class Allowance {
 public:
  explicit Allowance(std::uint64_t bytes) : rest_(bytes) {}
  Allowance(const Allowance&) = delete;
  Allowance& operator=(const Allowance&) = delete;

  /// A part of an allowance, given back when this goes.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept
        : from_(std::exchange(other.from_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(from_, other.from_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    ~Share() {
      if (from_ != nullptr) from_->rest_.fetch_add(bytes_);
    }
    /// False when the allowance did not have so much.
    explicit operator bool() const { return from_ != nullptr; }

   private:
    friend class Allowance;
    Share(Allowance* from, std::uint64_t bytes) : from_(from), bytes_(bytes) {}
    Allowance* from_ = nullptr;
    std::uint64_t bytes_ = 0;
  };

  Share take(std::uint64_t bytes) {
    std::uint64_t rest = rest_.load();
    while (rest >= bytes) {
      if (rest_.compare_exchange_weak(rest, rest - bytes)) return {this, bytes};
    }
    return {};
  }

 private:
  std::atomic<std::uint64_t> rest_;
};

}  // namespace imgforge::base
