// Compresses one block of a tar stream into one complete gzip member or zstd frame. The bytes are a
// function of the encoder and the block, whatever was encoded before.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "archive/encoder.h"
#include "base/bytes.h"

namespace imgforge::archive {

/// Input bytes of one block. gzip 1 MiB: beside that its window of 32 KiB does not matter. zstd
/// 4 MiB, since level 3 looks back 2 MiB: at that level frames of 4 MiB are 2.4 % larger than one
/// endless frame for libtorch_cuda.so and 1.0 % for libtorch_cpu.so (8 MiB: 1.2 % and 0.4 %), and
/// each worker holds two blocks.
std::size_t block_size(const Encoder& encoder);

/// The fixed header of every member: deflate, no flags, no name, mtime 0, OS 255 (RFC 1952, 2.3).
inline constexpr std::array<unsigned char, 10> kGzipHeader = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255};
inline constexpr std::size_t kGzipTrailerSize = 8;
/// CRC-32 and length modulo 2^32, little-endian.
std::array<std::byte, kGzipTrailerSize> gzip_trailer(std::uint32_t crc32, std::uint64_t size);

/// A piece of memory that is used again and again without being cleared.
class Buffer {
 public:
  void reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    data_ = std::make_unique_for_overwrite<std::byte[]>(capacity);
    capacity_ = capacity;
    size_ = 0;
  }
  std::size_t size() const { return size_; }
  void resize(std::size_t size) { size_ = size; }  // within the capacity
  base::Bytes bytes() const { return {data_.get(), size_}; }
  base::MutableBytes rest() { return {data_.get() + size_, capacity_ - size_}; }
  std::size_t capacity() const { return capacity_; }

 private:
  std::unique_ptr<std::byte[]> data_;
  std::size_t capacity_ = 0;
  std::size_t size_ = 0;
};

/// For use by one thread at a time.
class BlockEncoder {
 public:
  virtual ~BlockEncoder() = default;
  /// Replaces the content of `out`. `block` has at most block_size bytes.
  virtual Result<> encode(base::Bytes block, Buffer& out) = 0;

  /// Errc::invalid for a level the encoder does not have. `none` has no BlockEncoder (nullptr).
  static Result<std::unique_ptr<BlockEncoder>> create(const Encoder& encoder);
};

}  // namespace imgforge::archive
