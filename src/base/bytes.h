// The vocabulary of everything that moves bytes: push into a Sink, pull from a Source, or read at
// an offset from a RandomAccess. Implementations are single-threaded unless they say otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::base {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The size of one step when bytes are streamed: inside L2, large enough that calls do not count
/// (measured: 128 to 256 KiB is the best for inflating).
inline constexpr std::size_t kChunk = 256 * 1024;

class Sink {
 public:
  virtual ~Sink() = default;
  /// Takes all of `bytes` or fails; the bytes are not referenced after the call.
  virtual Result<> write(Bytes bytes) = 0;
};

class Source {
 public:
  virtual ~Source() = default;
  /// Fills at most `buffer`; returns how many bytes, 0 only at the end.
  virtual Result<std::size_t> read(MutableBytes buffer) = 0;
};

/// Safe for concurrent read_at calls.
class RandomAccess {
 public:
  virtual ~RandomAccess() = default;
  virtual std::uint64_t size() const = 0;
  /// Fills the whole buffer or fails (Errc::io with "ends early" when the data is shorter).
  virtual Result<> read_at(std::uint64_t offset, MutableBytes buffer) const = 0;
};

/// Appends to a string. For documents, not for layers.
class StringSink final : public Sink {
 public:
  explicit StringSink(std::string& target) : target_(target) {}
  Result<> write(Bytes bytes) override {
    target_.append(as_text(bytes));
    return {};
  }

 private:
  std::string& target_;
};

/// A Source over text that outlives it.
class TextSource final : public Source {
 public:
  explicit TextSource(std::string_view text) : rest_(text) {}
  Result<std::size_t> read(MutableBytes buffer) override {
    const std::size_t n = rest_.copy(reinterpret_cast<char*>(buffer.data()), buffer.size());
    rest_.remove_prefix(n);
    return n;
  }

 private:
  std::string_view rest_;
};

/// A RandomAccess over text that outlives it.
class TextAccess final : public RandomAccess {
 public:
  explicit TextAccess(std::string_view text) : text_(text) {}
  std::uint64_t size() const override { return text_.size(); }
  Result<> read_at(std::uint64_t offset, MutableBytes buffer) const override;

 private:
  std::string_view text_;
};

/// Reads a range of a RandomAccess in order. Borrows `data`.
class RangeSource final : public Source {
 public:
  RangeSource(const RandomAccess& data, std::uint64_t offset, std::uint64_t length)
      : data_(data), offset_(offset), rest_(length) {}
  Result<std::size_t> read(MutableBytes buffer) override;

 private:
  const RandomAccess& data_;
  std::uint64_t offset_;
  std::uint64_t rest_;
};

/// Pumps until the end of `source`; returns the number of bytes.
Result<std::uint64_t> copy(Source& source, Sink& sink);

/// Reads to the end; fails with Errc::invalid above `limit` bytes. For documents.
Result<std::string> read_all(Source& source, std::size_t limit);

}  // namespace imgforge::base
