// Lets one GPU work and compares what comes back with what is right: the driver compiles the
// embedded kernels, a pattern is written to memory and checked, two matrices of small integers are
// multiplied (every sum is exact in f32, so nothing is compared with a tolerance), copies are
// timed, and the tensor cores multiply, exactly as well.
#ifndef IMGFORGE_PROBE_COMPUTE_H
#define IMGFORGE_PROBE_COMPUTE_H

#include "cuda_api.h"
#include "stage.h"

// Edges of the square matrices; the larger ones have more tiles than any GPU has tensor cores.
enum { MATRIX = 512, TENSOR_MATRIX = 768 };

// The major compute capability from which on GPUs have tensor cores.
enum { TENSOR_CAPABILITY = 7 };

// Fills `gpu->compute` as far as it gets; its `call` and `error` say which call failed.
void compute_run(const struct cuda* cuda, int device, struct gpu* gpu,
                 struct stage_control* control);

// The embedded PTX: text, terminated. The second module is for compute capability 7.0 and later.
extern const char probe_ptx[], probe_tensor_ptx[];

#endif
