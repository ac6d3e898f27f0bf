// The compression function of SHA-256 (FIPS 180-4, 6.2.2) with the x86 SHA extensions, for one
// state or for two that see the same blocks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace imgforge::archive {

using Sha256Words = std::array<std::uint32_t, 8>;

inline constexpr Sha256Words kSha256Start = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

/// Whether the two functions below may be called on this processor.
bool have_sha_instructions();

void sha256_blocks(Sha256Words& state, const std::byte* data, std::size_t blocks);
/// The same blocks into both states.
void sha256_blocks_shared(Sha256Words& one, Sha256Words& two, const std::byte* data,
                          std::size_t blocks);

}  // namespace imgforge::archive
