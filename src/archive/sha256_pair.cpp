#include "archive/sha256_pair.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "archive/sha256_blocks.h"
#include "base/sha256.h"
#include "base/text.h"

namespace imgforge::archive {
namespace {

constexpr std::size_t kBlock = 64;

// One digest in progress: whole blocks are in `words`, what is left over waits in `tail`.
struct Digest {
  Sha256Words words = kSha256Start;
  std::uint64_t length = 0;
  std::array<std::byte, kBlock> tail;
  std::size_t fill = 0;

  std::string finish_hex() {
    // FIPS 180-4, 5.1.1: a one bit, zeros, the length in bits as 64 bits, big-endian.
    const std::uint64_t bits = length * 8;
    tail[fill++] = std::byte{0x80};
    if (fill > kBlock - 8) {
      std::fill(tail.begin() + static_cast<std::ptrdiff_t>(fill), tail.end(), std::byte{0});
      sha256_blocks(words, tail.data(), 1);
      fill = 0;
    }
    std::fill(tail.begin() + static_cast<std::ptrdiff_t>(fill), tail.end(), std::byte{0});
    for (std::size_t i = 0; i < 8; ++i) {
      tail[kBlock - 1 - i] = static_cast<std::byte>(bits >> (8 * i));
    }
    sha256_blocks(words, tail.data(), 1);
    base::Sha256Value value;
    for (std::size_t i = 0; i < value.size(); ++i) {
      value[i] = static_cast<std::byte>(words[i / 4] >> (24 - 8 * (i % 4)));
    }
    return base::to_hex(value);
  }
};

// Feeds `bytes` to one digest, or to two whose tails are the same.
void feed(Digest& one, Digest* two, base::Bytes bytes) {
  const auto blocks = [&](const std::byte* data, std::size_t count) {
    if (two != nullptr) {
      sha256_blocks_shared(one.words, two->words, data, count);
    } else {
      sha256_blocks(one.words, data, count);
    }
  };
  one.length += bytes.size();
  if (two != nullptr) two->length += bytes.size();
  std::size_t fill = one.fill;
  if (fill > 0) {
    const std::size_t n = std::min(kBlock - fill, bytes.size());
    std::copy_n(bytes.begin(), n, one.tail.begin() + static_cast<std::ptrdiff_t>(fill));
    fill += n;
    bytes = bytes.subspan(n);
    if (fill == kBlock) {
      blocks(one.tail.data(), 1);
      fill = 0;
    }
  }
  if (const std::size_t count = bytes.size() / kBlock; count > 0) {
    blocks(bytes.data(), count);
    bytes = bytes.subspan(count * kBlock);
  }
  if (!bytes.empty()) {
    std::copy(bytes.begin(), bytes.end(), one.tail.begin());
    fill = bytes.size();
  }
  one.fill = fill;
  if (two != nullptr) {
    two->tail = one.tail;
    two->fill = fill;
  }
}

}  // namespace

struct Sha256Pair::State {
  // Either our own two digests, or OpenSSL's.
  struct OpenSsl {
    base::Sha256 outer;
    base::Sha256 inner;
  };
  std::optional<OpenSsl> openssl;
  Digest outer;
  Digest inner;
  bool inner_open = false;
};

bool Sha256Pair::accelerated() {
  static const bool have = have_sha_instructions();
  return have;
}

Sha256Pair::Sha256Pair(bool accelerate) : state_(std::make_unique<State>()) {
  if (!accelerate) state_->openssl.emplace();
}
Sha256Pair::~Sha256Pair() = default;

void Sha256Pair::update(base::Bytes bytes) {
  State& s = *state_;
  if (bytes.empty()) return;
  if (s.openssl) {
    s.openssl->outer.update(bytes);
    if (s.inner_open) s.openssl->inner.update(bytes);
  } else if (s.inner_open && s.outer.fill == s.inner.fill) {
    // Equal fill means that the stretch began at a multiple of 64: the tails are the same bytes.
    feed(s.outer, &s.inner, bytes);
  } else {
    feed(s.outer, nullptr, bytes);
    if (s.inner_open) feed(s.inner, nullptr, bytes);
  }
}

void Sha256Pair::begin_inner() {
  State& s = *state_;
  s.inner_open = true;
  if (s.openssl) {
    s.openssl->inner.reset();
  } else {
    s.inner = Digest{};
  }
}

std::string Sha256Pair::end_inner_hex() {
  State& s = *state_;
  s.inner_open = false;
  return s.openssl ? s.openssl->inner.finish_hex() : s.inner.finish_hex();
}

std::string Sha256Pair::finish_hex() {
  State& s = *state_;
  return s.openssl ? s.openssl->outer.finish_hex() : s.outer.finish_hex();
}

}  // namespace imgforge::archive
