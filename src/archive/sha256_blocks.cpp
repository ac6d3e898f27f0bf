#include "archive/sha256_blocks.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace imgforge::archive {
namespace {

#define IMGFORGE_SHA __attribute__((target("sha,sse4.1,ssse3")))

alignas(16) constexpr std::uint32_t kRound[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

// The instructions want the eight words as {a,b,e,f} and {c,d,g,h}, highest lane first.
struct Lanes {
  __m128i abef;
  __m128i cdgh;
};

IMGFORGE_SHA inline Lanes load(const Sha256Words& state) {
  const auto* words = reinterpret_cast<const __m128i*>(state.data());
  const __m128i cdab = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  return {_mm_alignr_epi8(cdab, efgh, 8), _mm_blend_epi16(efgh, cdab, 0xf0)};
}

IMGFORGE_SHA inline void store(Sha256Words& state, const Lanes& lanes) {
  auto* words = reinterpret_cast<__m128i*>(state.data());
  const __m128i feba = _mm_shuffle_epi32(lanes.abef, 0x1b);
  const __m128i dchg = _mm_shuffle_epi32(lanes.cdgh, 0xb1);
  _mm_storeu_si128(words, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(words + 1, _mm_alignr_epi8(dchg, feba, 8));
}

IMGFORGE_SHA inline void four_rounds(Lanes& lanes, __m128i words) {
  lanes.cdgh = _mm_sha256rnds2_epu32(lanes.cdgh, lanes.abef, words);
  lanes.abef = _mm_sha256rnds2_epu32(lanes.abef, lanes.cdgh, _mm_shuffle_epi32(words, 0x0e));
}

template <bool kTwo>
IMGFORGE_SHA inline void run(Sha256Words& one, Sha256Words& two, const std::byte* data,
                             std::size_t blocks) {
  const __m128i kBigEndian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  Lanes first = load(one);
  Lanes second = kTwo ? load(two) : first;
  for (; blocks > 0; --blocks, data += 64) {
    const Lanes first_before = first;
    const Lanes second_before = second;
    __m128i w[4];
    for (int i = 0; i < 4; ++i) {
      w[i] =
          _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(data) + i), kBigEndian);
    }
#pragma GCC unroll 16
    for (int group = 0; group < 16; ++group) {
      // w[group % 4] holds the four words of this group; afterwards it is made into those of the
      // group four later.
      const __m128i now = w[group & 3];
      const __m128i words =
          _mm_add_epi32(now, _mm_load_si128(reinterpret_cast<const __m128i*>(kRound) + group));
      four_rounds(first, words);
      if constexpr (kTwo) four_rounds(second, words);
      if (group < 12) {
        const __m128i last = w[(group + 3) & 3];
        const __m128i mixed = _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(group + 1) & 3]),
                                            _mm_alignr_epi8(last, w[(group + 2) & 3], 4));
        w[group & 3] = _mm_sha256msg2_epu32(mixed, last);
      }
    }
    first.abef = _mm_add_epi32(first.abef, first_before.abef);
    first.cdgh = _mm_add_epi32(first.cdgh, first_before.cdgh);
    if constexpr (kTwo) {
      second.abef = _mm_add_epi32(second.abef, second_before.abef);
      second.cdgh = _mm_add_epi32(second.cdgh, second_before.cdgh);
    }
  }
  store(one, first);
  if constexpr (kTwo) store(two, second);
}

}  // namespace

bool have_sha_instructions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & bit_SHA) == 0) return false;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return false;
  return (c & bit_SSSE3) != 0 && (c & bit_SSE4_1) != 0;
}

IMGFORGE_SHA void sha256_blocks(Sha256Words& state, const std::byte* data, std::size_t blocks) {
  run<false>(state, state, data, blocks);
}

IMGFORGE_SHA void sha256_blocks_shared(Sha256Words& one, Sha256Words& two, const std::byte* data,
                                       std::size_t blocks) {
  run<true>(one, two, data, blocks);
}

}  // namespace imgforge::archive

#else

#include <cstdlib>

namespace imgforge::archive {

bool have_sha_instructions() { return false; }
void sha256_blocks(Sha256Words&, const std::byte*, std::size_t) { std::abort(); }
void sha256_blocks_shared(Sha256Words&, Sha256Words&, const std::byte*, std::size_t) {
  std::abort();
}

}  // namespace imgforge::archive

#endif
