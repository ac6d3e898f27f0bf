// The probe's device code: fill and check a memory pattern, multiply two matrices.
//
// It includes no CUDA header and uses no library, so that any nvcc compiles it, even one without a
// toolkit around it; what has no C syntax is inline PTX. Everything here must stay within PTX 6.0
// and sm_60 (lower-ptx.cmake refuses what does not): the lowered text, kernels.ptx, is what the
// probe carries, and drivers compile it for whatever GPU they find.

typedef unsigned int u32;
typedef unsigned long long u64;

// Edge of the square tiles in shared memory; a block is TILE x TILE threads (compute.c launches so).
#define TILE 16

#define DEVICE static __device__ inline __attribute__((always_inline))

DEVICE u32 thread_x() {
  u32 v;
  asm("mov.u32 %0, %%tid.x;" : "=r"(v));
  return v;
}
DEVICE u32 thread_y() {
  u32 v;
  asm("mov.u32 %0, %%tid.y;" : "=r"(v));
  return v;
}
DEVICE u32 block_x() {
  u32 v;
  asm("mov.u32 %0, %%ctaid.x;" : "=r"(v));
  return v;
}
DEVICE u32 block_y() {
  u32 v;
  asm("mov.u32 %0, %%ctaid.y;" : "=r"(v));
  return v;
}
DEVICE u32 block_size() {
  u32 v;
  asm("mov.u32 %0, %%ntid.x;" : "=r"(v));
  return v;
}
DEVICE u32 grid_size() {
  u32 v;
  asm("mov.u32 %0, %%nctaid.x;" : "=r"(v));
  return v;
}
DEVICE void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }

// Word i of the pattern; pattern.c has the same function for the host's samples.
DEVICE u32 pattern(u32 i, u32 seed) {
  u32 x = i + seed;
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

// words[i] = pattern(i, seed) ^ flip for all i < count.
extern "C" __global__ void probe_fill(u32* words, u32 count, u32 seed, u32 flip) {
  u32 stride = block_size() * grid_size();
  for (u64 i = block_x() * block_size() + thread_x(); i < count; i += stride) {
    words[i] = pattern((u32)i, seed) ^ flip;
  }
}

// result[0] += number of words that differ, result[1] = min(result[1], first index that does),
// result[2] |= the bits that differ.
extern "C" __global__ void probe_check(const u32* words, u32 count, u32 seed, u32 flip,
                                       u64* result) {
  u32 stride = block_size() * grid_size();
  for (u64 i = block_x() * block_size() + thread_x(); i < count; i += stride) {
    u64 wrong = words[i] ^ pattern((u32)i, seed) ^ flip;
    if (wrong != 0) {
      asm volatile("red.global.add.u64 [%0], %1;" ::"l"(result), "l"(1ull) : "memory");
      asm volatile("red.global.min.u64 [%0], %1;" ::"l"(result + 1), "l"(i) : "memory");
      asm volatile("red.global.or.b64 [%0], %1;" ::"l"(result + 2), "l"(wrong) : "memory");
    }
  }
}

// c = a * b, all n x n, row-major, n a multiple of TILE.
extern "C" __global__ void probe_matmul(const float* a, const float* b, float* c, u32 n) {
  __shared__ float tile_a[TILE][TILE];
  __shared__ float tile_b[TILE][TILE];
  u32 x = thread_x();
  u32 y = thread_y();
  u32 row = block_y() * TILE + y;
  u32 column = block_x() * TILE + x;
  float sum = 0.0f;
  for (u32 k = 0; k < n; k += TILE) {
    tile_a[y][x] = a[(u64)row * n + k + x];
    tile_b[y][x] = b[(u64)(k + y) * n + column];
    barrier();
#pragma unroll
    for (u32 t = 0; t < TILE; t++) {
      sum += tile_a[y][t] * tile_b[t][x];
    }
    barrier();
  }
  c[(u64)row * n + column] = sum;
}
