#include "compute.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pattern.h"
#include "text.h"

// Memory to check: enough to spread over all channels and banks, little enough for a short answer.
static const uint64_t kMemoryMost = 256ull << 20;
static const uint64_t kMemoryLeast = 16ull << 20;
// A copy long enough that starting it does not count; pinned host memory is slow to get.
static const uint64_t kTransfer = 64ull << 20;
static const int kTransferRounds = 4;

enum { kTile = 16, kWarp = 32 };
enum { kFillThreads = 256, kFillBlocks = 1024 };
enum { kSamples = 64, kSampleWords = 256 };

struct work {
  const struct cuda* cuda;
  struct compute* out;
  struct stage_control* control;
  int device;
  CUfunction fill, check, matmul, tensor;
  CUdeviceptr memory, result;
  uint64_t bytes;
};

static bool failed(struct compute* out, const char* call, CUresult result) {
  if (result == CUDA_SUCCESS) return false;
  if (out->error == CUDA_SUCCESS) {
    COPY(out->call, call);
    out->error = result;
  }
  return true;
}

// Returns from the function with CHECK_FAILED if a driver call fails.
#define CALL(work, function, ...)                                                                 \
  do {                                                                                            \
    if (failed((work)->out, #function, (work)->cuda->function(__VA_ARGS__))) return CHECK_FAILED; \
  } while (0)

static enum check_state load_module(struct work* work, const char* ptx, CUmodule* module) {
  struct compute* out = work->out;
  double began = now_seconds();
  int options[] = {CU_JIT_ERROR_LOG_BUFFER, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES};
  void* values[] = {out->jit_log, (void*)(uintptr_t)sizeof out->jit_log};
  CUresult result = work->cuda->cuModuleLoadDataEx(module, ptx, 2, options, values);
  out->load_seconds += now_seconds() - began;
  if (failed(out, "cuModuleLoadDataEx", result)) return CHECK_FAILED;
  out->jit_log[0] = '\0';
  return CHECK_PASSED;
}

static enum check_state load_kernels(struct work* work, CUmodule* module) {
  stage_step(work->control, "GPU %d: compiling the kernels", work->device);
  if (load_module(work, probe_ptx, module) != CHECK_PASSED) return CHECK_FAILED;
  CALL(work, cuModuleGetFunction, &work->fill, *module, "probe_fill");
  CALL(work, cuModuleGetFunction, &work->check, *module, "probe_check");
  CALL(work, cuModuleGetFunction, &work->matmul, *module, "probe_matmul");
  return CHECK_PASSED;
}

struct wrong {
  uint64_t count, first, bits;
};

static enum check_state check_on_device(struct work* work, uint32_t seed, uint32_t flip,
                                        struct wrong* wrong) {
  uint32_t count = (uint32_t)(work->bytes / sizeof(uint32_t));
  *wrong = (struct wrong){0, UINT64_MAX, 0};
  CALL(work, cuMemcpyHtoD, work->result, wrong, sizeof *wrong);
  void* arguments[] = {&work->memory, &count, &seed, &flip, &work->result};
  CALL(work, cuLaunchKernel, work->check, kFillBlocks, 1, 1, kFillThreads, 1, 1, 0, 0, arguments,
       0);
  CALL(work, cuCtxSynchronize);
  CALL(work, cuMemcpyDtoH, wrong, work->result, sizeof *wrong);
  return CHECK_PASSED;
}

static void note_wrong(struct compute* out, uint64_t count, uint64_t first, uint64_t bits) {
  if (out->wrong_words == 0) out->first_wrong = first;
  out->wrong_words += count;
  out->wrong_bits |= bits;
}

// The device's word that all is well is worth something only if the host sees the same.
static enum check_state check_on_host(struct work* work, uint32_t seed, uint32_t flip) {
  uint32_t words[kSampleWords];
  uint64_t count = work->bytes / sizeof(uint32_t);
  for (uint64_t s = 0; s < kSamples; s++) {
    uint64_t at = (count - kSampleWords) * s / (kSamples - 1);
    CALL(work, cuMemcpyDtoH, words, work->memory + at * sizeof(uint32_t), sizeof words);
    for (uint64_t i = 0; i < kSampleWords; i++) {
      uint32_t differ = words[i] ^ pattern_word((uint32_t)(at + i), seed) ^ flip;
      if (differ != 0) note_wrong(work->out, 1, at + i, differ);
    }
  }
  return CHECK_PASSED;
}

// A wrong bit in one word, put there by the host, has to be found: exactly that one.
static enum check_state check_the_checker(struct work* work, uint32_t seed, uint32_t flip) {
  uint64_t at = work->bytes / sizeof(uint32_t) / 3;
  uint32_t word = pattern_word((uint32_t)at, seed) ^ flip ^ 0x00010000u;
  struct wrong wrong;
  CALL(work, cuMemcpyHtoD, work->memory + at * sizeof word, &word, sizeof word);
  if (check_on_device(work, seed, flip, &wrong) != CHECK_PASSED) return CHECK_FAILED;
  work->out->checker_blind = wrong.count != 1 || wrong.first != at || wrong.bits != 0x00010000u;
  return work->out->checker_blind ? CHECK_FAILED : CHECK_PASSED;
}

static enum check_state check_memory(struct work* work) {
  static const uint32_t seeds[] = {0x1bd11bdau, 0x1bd11bdau};
  static const uint32_t flips[] = {0, 0xffffffffu};  // so that every bit is once 0 and once 1
  struct compute* out = work->out;
  uint32_t count = (uint32_t)(work->bytes / sizeof(uint32_t));
  for (int pass = 0; pass < 2; pass++) {
    uint32_t seed = seeds[pass], flip = flips[pass];
    struct wrong wrong;
    stage_step(work->control, "GPU %d: writing and checking memory, pass %d", work->device,
               pass + 1);
    void* arguments[] = {&work->memory, &count, &seed, &flip};
    CALL(work, cuLaunchKernel, work->fill, kFillBlocks, 1, 1, kFillThreads, 1, 1, 0, 0, arguments,
         0);
    CALL(work, cuCtxSynchronize);
    if (check_on_device(work, seed, flip, &wrong) != CHECK_PASSED) return CHECK_FAILED;
    if (wrong.count != 0) note_wrong(out, wrong.count, wrong.first, wrong.bits);
    if (check_on_host(work, seed, flip) != CHECK_PASSED) return CHECK_FAILED;
    if (out->wrong_words != 0) return CHECK_FAILED;
  }
  out->memory_bytes = work->bytes;
  return check_the_checker(work, seeds[1], flips[1]);
}

static enum check_state multiply(struct work* work, float* host) {
  const uint64_t bytes = sizeof(float) * MATRIX * MATRIX;
  CUdeviceptr a = work->memory, b = a + bytes, c = b + bytes;
  uint32_t n = MATRIX;
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) host[i * n + j] = factor_a(i, j);
  }
  CALL(work, cuMemcpyHtoD, a, host, bytes);
  for (uint32_t i = 0; i < n; i++) {
    for (uint32_t j = 0; j < n; j++) host[i * n + j] = factor_b(i, j);
  }
  CALL(work, cuMemcpyHtoD, b, host, bytes);
  void* arguments[] = {&a, &b, &c, &n};
  CALL(work, cuLaunchKernel, work->matmul, MATRIX / kTile, MATRIX / kTile, 1, kTile, kTile, 1, 0, 0,
       arguments, 0);
  CALL(work, cuCtxSynchronize);
  CALL(work, cuMemcpyDtoH, host, c, bytes);
  work->out->wrong_products = product_errors(host, n, 1);
  return work->out->wrong_products == 0 ? CHECK_PASSED : CHECK_FAILED;
}

static enum check_state check_matmul(struct work* work) {
  stage_step(work->control, "GPU %d: multiplying matrices", work->device);
  float* host = malloc(sizeof(float) * MATRIX * MATRIX);
  if (host == 0) return CHECK_NOT_RUN;
  enum check_state state = multiply(work, host);
  free(host);
  return state;
}

// One factor is widened: in multiples of this number every bit of a half's fraction is now 0, now
// 1, while the small integers alone would leave most of the multipliers idle. Exact all the same:
// the absolute values of an element's products add up to less than 2^22, and the sums have at least
// f32's 24 bits (PTX ISA, wmma.mma, "Precision and rounding").
enum { kWide = 219 };

static void write_factor(uint16_t* host, float (*factor)(uint32_t, uint32_t), int scale) {
  for (uint32_t i = 0; i < TENSOR_MATRIX; i++) {
    for (uint32_t j = 0; j < TENSOR_MATRIX; j++) {
      host[i * TENSOR_MATRIX + j] = half_of((int)factor(i, j) * scale);
    }
  }
}

static enum check_state multiply_on_tensor_cores(struct work* work, void* host, bool wide_left) {
  const uint64_t elements = (uint64_t)TENSOR_MATRIX * TENSOR_MATRIX;
  const uint64_t halves = elements * sizeof(uint16_t), floats = elements * sizeof(float);
  CUdeviceptr a = work->memory, b = a + halves, c = b + halves;
  uint32_t n = TENSOR_MATRIX;
  write_factor(host, factor_a, wide_left ? kWide : 1);
  CALL(work, cuMemcpyHtoD, a, host, halves);
  write_factor(host, factor_b, wide_left ? 1 : kWide);
  CALL(work, cuMemcpyHtoD, b, host, halves);
  memset(host, 0xff, floats);  // not a number: what the kernel does not write is wrong
  CALL(work, cuMemcpyHtoD, c, host, floats);
  void* arguments[] = {&a, &b, &c, &n};
  CALL(work, cuLaunchKernel, work->tensor, TENSOR_MATRIX / kTile, TENSOR_MATRIX / kTile, 1, kWarp,
       1, 1, 0, 0, arguments, 0);
  CALL(work, cuCtxSynchronize);
  CALL(work, cuMemcpyDtoH, host, c, floats);
  work->out->wrong_tensor_products += product_errors(host, n, kWide);
  return CHECK_PASSED;
}

static enum check_state check_tensor_cores(struct work* work) {
  CUmodule module;
  stage_step(work->control, "GPU %d: compiling the tensor cores' kernel", work->device);
  if (load_module(work, probe_tensor_ptx, &module) != CHECK_PASSED) return CHECK_FAILED;
  CALL(work, cuModuleGetFunction, &work->tensor, module, "probe_tensor");
  stage_step(work->control, "GPU %d: multiplying matrices on tensor cores", work->device);
  void* host = malloc(sizeof(float) * TENSOR_MATRIX * TENSOR_MATRIX);
  if (host == 0) return CHECK_NOT_RUN;
  enum check_state state = multiply_on_tensor_cores(work, host, true);
  if (state == CHECK_PASSED) state = multiply_on_tensor_cores(work, host, false);
  free(host);
  return work->out->wrong_tensor_products == 0 ? state : CHECK_FAILED;
}

enum direction { TO_DEVICE, TO_HOST, ON_DEVICE };

static CUresult copy_once(struct work* work, enum direction direction, void* host, uint64_t bytes) {
  const struct cuda* cuda = work->cuda;
  switch (direction) {
    case TO_DEVICE:
      return cuda->cuMemcpyHtoDAsync(work->memory, host, bytes, 0);
    case TO_HOST:
      return cuda->cuMemcpyDtoHAsync(host, work->memory, bytes, 0);
    default:
      return cuda->cuMemcpyDtoDAsync(work->memory + bytes, work->memory, bytes, 0);
  }
}

// GB/s of copying, after one round that is not counted.
static enum check_state time_copies(struct work* work, enum direction direction, void* host,
                                    uint64_t bytes, CUevent begin, CUevent end, double* rate) {
  static const char* const what[] = {"to the GPU", "from the GPU", "on the GPU"};
  static const char* const calls[] = {"cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync",
                                      "cuMemcpyDtoDAsync"};
  stage_step(work->control, "GPU %d: copying %s", work->device, what[direction]);
  float milliseconds = 0;
  for (int round = -1; round < kTransferRounds; round++) {
    if (round == 0) CALL(work, cuEventRecord, begin, 0);
    if (failed(work->out, calls[direction], copy_once(work, direction, host, bytes)))
      return CHECK_FAILED;
  }
  CALL(work, cuEventRecord, end, 0);
  CALL(work, cuEventSynchronize, end);
  CALL(work, cuEventElapsedTime, &milliseconds, begin, end);
  if (milliseconds > 0) *rate = (double)bytes * kTransferRounds / milliseconds / 1e6;
  return CHECK_PASSED;
}

static enum check_state check_transfer(struct work* work) {
  struct compute* out = work->out;
  CUevent begin, end;
  void* host = 0;
  CALL(work, cuEventCreate, &begin, 0);
  CALL(work, cuEventCreate, &end, 0);
  uint64_t half = work->bytes / 2;
  uint64_t bytes = half < kTransfer ? half : kTransfer;
  stage_step(work->control, "GPU %d: getting pinned host memory", work->device);
  CALL(work, cuMemHostAlloc, &host, bytes, 0);
  memset(host, 0x5a, bytes);
  enum check_state state =
      time_copies(work, TO_DEVICE, host, bytes, begin, end, &out->host_to_device);
  if (state == CHECK_PASSED) {
    state = time_copies(work, TO_HOST, host, bytes, begin, end, &out->device_to_host);
  }
  if (state == CHECK_PASSED) {
    // Both ends count: what a memory bandwidth is understood to be.
    state = time_copies(work, ON_DEVICE, host, half, begin, end, &out->device_to_device);
    out->device_to_device *= 2;
  }
  work->cuda->cuMemFreeHost(host);
  return state;
}

static enum check_state get_memory(struct work* work) {
  size_t available = 0, total = 0;
  stage_step(work->control, "GPU %d: getting memory", work->device);
  CALL(work, cuMemGetInfo, &available, &total);
  work->out->memory_free = available;
  uint64_t bytes = available / 2 < kMemoryMost ? available / 2 : kMemoryMost;
  work->bytes = (bytes < kMemoryLeast ? kMemoryLeast : bytes) & ~(uint64_t)0xfffff;
  CALL(work, cuMemAlloc, &work->memory, work->bytes);
  CALL(work, cuMemAlloc, &work->result, sizeof(struct wrong));
  return CHECK_PASSED;
}

static void work_on(struct work* work, bool tensor_cores) {
  struct compute* out = work->out;
  CUmodule module;
  out->load = load_kernels(work, &module);
  if (out->load != CHECK_PASSED) return;
  if (get_memory(work) != CHECK_PASSED) {
    out->memory = CHECK_FAILED;
    return;
  }
  out->memory = check_memory(work);
  if (out->error == CUDA_SUCCESS) out->matmul = check_matmul(work);
  if (out->error == CUDA_SUCCESS) out->transfer = check_transfer(work);
  if (out->error == CUDA_SUCCESS && tensor_cores) out->tensor = check_tensor_cores(work);
  work->cuda->cuMemFree(work->result);
  work->cuda->cuMemFree(work->memory);
}

void compute_run(const struct cuda* cuda, int device, struct gpu* gpu,
                 struct stage_control* control) {
  struct compute* out = &gpu->compute;
  struct work work = {.cuda = cuda, .out = out, .control = control, .device = device};
  CUcontext context = 0;
  CUdevice handle = 0;
  stage_step(control, "GPU %d: making a context", device);
  if (failed(out, "cuDeviceGet", cuda->cuDeviceGet(&handle, device)) ||
      failed(out, "cuDevicePrimaryCtxRetain", cuda->cuDevicePrimaryCtxRetain(&context, handle))) {
    out->load = CHECK_FAILED;
    return;
  }
  if (failed(out, "cuCtxSetCurrent", cuda->cuCtxSetCurrent(context))) {
    out->load = CHECK_FAILED;
  } else {
    work_on(&work, gpu->major >= TENSOR_CAPABILITY);
  }
  stage_step(control, "GPU %d: releasing the context", device);
  cuda->cuDevicePrimaryCtxRelease(handle);
}
