#include "pattern.h"

enum { kPeriodA = 13, kPeriodB = 17 };

uint32_t pattern_word(uint32_t i, uint32_t seed) {
  uint32_t x = i + seed;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

static int a_integer(uint32_t row, uint32_t column) {
  return (int)((row * 7 + column * 3) % kPeriodA) - kPeriodA / 2;
}

static int b_integer(uint32_t row, uint32_t column) {
  return (int)((row * 5 + column * 11) % kPeriodB) - kPeriodB / 2;
}

float factor_a(uint32_t row, uint32_t column) { return (float)a_integer(row, column); }

float factor_b(uint32_t row, uint32_t column) { return (float)b_integer(row, column); }

uint16_t half_of(int value) {
  uint32_t magnitude = (uint32_t)(value < 0 ? -value : value);
  uint32_t sign = value < 0 ? 0x8000u : 0, exponent = 0;
  if (magnitude == 0) return 0;
  while (magnitude >> (exponent + 1) != 0) exponent++;
  uint32_t fraction = exponent > 10 ? magnitude >> (exponent - 10) : magnitude << (10 - exponent);
  return (uint16_t)(sign | (exponent + 15) << 10 | (fraction & 0x3ffu));
}

uint64_t product_errors(const float* product, uint32_t n, int scale) {
  float expected[kPeriodA][kPeriodB];
  for (uint32_t row = 0; row < kPeriodA; row++) {
    for (uint32_t column = 0; column < kPeriodB; column++) {
      int sum = 0;
      for (uint32_t k = 0; k < n; k++) sum += a_integer(row, k) * b_integer(k, column);
      expected[row][column] = (float)(sum * scale);
    }
  }
  uint64_t wrong = 0;
  for (uint32_t row = 0; row < n; row++) {
    for (uint32_t column = 0; column < n; column++) {
      float value = product[(uint64_t)row * n + column];
      wrong += !(value == expected[row % kPeriodA][column % kPeriodB]);
    }
  }
  return wrong;
}
