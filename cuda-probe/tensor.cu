// The probe's device code for tensor cores: multiplies two matrices of f16 into one of f32.
//
// A module of its own, because a driver compiles a module whole or not at all, and GPUs before
// compute capability 7.0 have no such instructions. As kernels.cu it includes no CUDA header.
// Everything here must stay within PTX 6.0 and sm_70 (lower-ptx.cmake refuses what does not); the
// lowered text is tensor.ptx. That version has the wmma instructions without ".aligned", which PTX
// 6.3 asks for.

typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

// Edge of the tile that a warp multiplies at once; a block is one warp (compute.c launches so).
#define TILE 16

#define DEVICE static __device__ inline __attribute__((always_inline))

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

// How a warp's threads share a tile is the hardware's secret: each holds eight registers of it.
struct half_tile {
  u32 r[8];
};
struct float_tile {
  float r[8];
};

DEVICE void load_a(half_tile& t, const u16* at, u32 stride) {
  asm volatile("wmma.load.a.sync.row.m16n16k16.f16 {%0, %1, %2, %3, %4, %5, %6, %7}, [%8], %9;"
               : "=r"(t.r[0]), "=r"(t.r[1]), "=r"(t.r[2]), "=r"(t.r[3]), "=r"(t.r[4]), "=r"(t.r[5]),
                 "=r"(t.r[6]), "=r"(t.r[7])
               : "l"(at), "r"(stride)
               : "memory");
}

DEVICE void load_b(half_tile& t, const u16* at, u32 stride) {
  asm volatile("wmma.load.b.sync.row.m16n16k16.f16 {%0, %1, %2, %3, %4, %5, %6, %7}, [%8], %9;"
               : "=r"(t.r[0]), "=r"(t.r[1]), "=r"(t.r[2]), "=r"(t.r[3]), "=r"(t.r[4]), "=r"(t.r[5]),
                 "=r"(t.r[6]), "=r"(t.r[7])
               : "l"(at), "r"(stride)
               : "memory");
}

// sum += a * b
DEVICE void multiply(float_tile& sum, const half_tile& a, const half_tile& b) {
  asm volatile(
      "wmma.mma.sync.row.row.m16n16k16.f32.f32 {%0, %1, %2, %3, %4, %5, %6, %7}, "
      "{%8, %9, %10, %11, %12, %13, %14, %15}, {%16, %17, %18, %19, %20, %21, %22, %23}, "
      "{%0, %1, %2, %3, %4, %5, %6, %7};"
      : "+f"(sum.r[0]), "+f"(sum.r[1]), "+f"(sum.r[2]), "+f"(sum.r[3]), "+f"(sum.r[4]),
        "+f"(sum.r[5]), "+f"(sum.r[6]), "+f"(sum.r[7])
      : "r"(a.r[0]), "r"(a.r[1]), "r"(a.r[2]), "r"(a.r[3]), "r"(a.r[4]), "r"(a.r[5]), "r"(a.r[6]),
        "r"(a.r[7]), "r"(b.r[0]), "r"(b.r[1]), "r"(b.r[2]), "r"(b.r[3]), "r"(b.r[4]), "r"(b.r[5]),
        "r"(b.r[6]), "r"(b.r[7]));
}

DEVICE void store(float* at, const float_tile& t, u32 stride) {
  asm volatile(
      "wmma.store.d.sync.row.m16n16k16.f32 [%0], {%1, %2, %3, %4, %5, %6, %7, %8}, %9;" ::"l"(at),
      "f"(t.r[0]), "f"(t.r[1]), "f"(t.r[2]), "f"(t.r[3]), "f"(t.r[4]), "f"(t.r[5]), "f"(t.r[6]),
      "f"(t.r[7]), "r"(stride)
      : "memory");
}

// c = a * b, all n x n, row-major, n a multiple of TILE.
extern "C" __global__ void probe_tensor(const u16* a, const u16* b, float* c, u32 n) {
  u32 row = block_y() * TILE;
  u32 column = block_x() * TILE;
  float_tile sum = {{0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f, 0.0f}};
#pragma unroll 1
  for (u32 k = 0; k < n; k += TILE) {
    half_tile left, right;
    load_a(left, a + (u64)row * n + k, n);
    load_b(right, b + (u64)k * n + column, n);
    multiply(sum, left, right);
  }
  store(c + (u64)row * n + column, sum, n);
}
