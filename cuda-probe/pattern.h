// The numbers that the GPU is asked for, computed on the host.
#ifndef IMGFORGE_PROBE_PATTERN_H
#define IMGFORGE_PROBE_PATTERN_H

#include <stdint.h>

// Word i of the memory pattern, as pattern() in kernels.cu.
uint32_t pattern_word(uint32_t i, uint32_t seed);

// Elements of the two factors: integers from -6 to 6 and from -8 to 8, with periods 13 and 17,
// which share no divisor with the kernel's tiles, so that a tile in the wrong place is seen.
float factor_a(uint32_t row, uint32_t column);
float factor_b(uint32_t row, uint32_t column);

// `value` in the format of an IEEE half: exact for integers up to 2048.
uint16_t half_of(int value);

// How many elements of the n x n `product` of the two factors, times `scale`, are wrong. Rows and
// columns repeat, so that 13 x 17 sums are enough to know all of them.
uint64_t product_errors(const float* product, uint32_t n, int scale);

#endif
