// Lets one GPU work and compares what comes back with what is right: the driver compiles the
// embedded kernels, a pattern is written to memory and checked, two matrices of small integers are
// multiplied (every sum is exact in f32, so nothing is compared with a tolerance), and copies are
// timed.
#ifndef IMGFORGE_PROBE_COMPUTE_H
#define IMGFORGE_PROBE_COMPUTE_H

#include "cuda_api.h"
#include "stage.h"

// Fills `out` as far as it gets; out->call and out->error say which call failed.
void compute_run(const struct cuda* cuda, int device, struct compute* out,
                 struct stage_control* control);

// The embedded PTX: text, terminated.
extern const char probe_ptx[];

#endif
