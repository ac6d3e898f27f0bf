// A libcuda.so.1 whose GPU is the CPU: device memory is malloc, kernels are known by name and run
// here. Written from cuda.h's documentation, apart from the probe's own headers; faults by fault.h
// and
//   FAKE_GPUS, FAKE_CAPABILITY (86 is 8.6), FAKE_VERSION (12040), FAKE_FREE_MIB
//   FAKE_FLIP=1    one bit of memory flips after a fill
//   FAKE_BLIND=1   the check finds nothing
//   FAKE_MATMUL=1  one product is wrong
//   FAKE_TENSOR=1  one product on tensor cores is wrong
//   FAKE_TENSOR_LOSES=bit,side  tensor cores read that bit of the left (0) or right (1) factor as 0
//   FAKE_TENSOR_IDLE=1  of the launches on tensor cores only the first does anything
// Loading the tensor cores' module is also the call "tensor_module", a launch "tensor_launch".
#include <stdint.h>
#include <stdio.h>

#include "fault.h"

typedef struct {
  unsigned char bytes[16];
} uuid_t_;

int cuInit(unsigned flags) {
  (void)flags;
  printf("libcuda talks on stdout\n");
  fflush(stdout);
  FAULT("cuInit");
  return 0;
}
int cuDriverGetVersion(int* version) {
  FAULT("cuDriverGetVersion");
  *version = number("FAKE_VERSION", 12040);
  return 0;
}
int cuDeviceGetCount(int* count) {
  FAULT("cuDeviceGetCount");
  *count = number("FAKE_GPUS", 1);
  return 0;
}
int cuDeviceGet(int* device, int index) {
  *device = index;
  return 0;
}
int cuDeviceGetName(char* name, int size, int device) {
  FAULT("cuDeviceGetName");
  snprintf(name, (size_t)size, "Fake \"GPU\" %d", device);
  return 0;
}
int cuDeviceGetUuid_v2(uuid_t_* uuid, int device) {
  memset(uuid, 0xab, sizeof *uuid);
  uuid->bytes[15] = (unsigned char)device;
  return 0;
}
int cuDeviceGetPCIBusId(char* name, int size, int device) {
  snprintf(name, (size_t)size, "0000:%02x:00.0", device + 1);
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int device) {
  (void)device;
  int capability = number("FAKE_CAPABILITY", 86);
  *value = attribute == 75 ? capability / 10 : attribute == 76 ? capability % 10 : 42;
  return 0;
}
int cuDeviceTotalMem_v2(size_t* bytes, int device) {
  (void)device;
  *bytes = (size_t)24 << 30;
  return 0;
}
int cuDevicePrimaryCtxRetain(void** context, int device) {
  (void)device;
  FAULT("cuDevicePrimaryCtxRetain");
  *context = context;
  return 0;
}
int cuDevicePrimaryCtxRelease_v2(int device) {
  (void)device;
  FAULT("cuDevicePrimaryCtxRelease");
  return 0;
}
int cuCtxSetCurrent(void* context) { return context == NULL ? 201 : 0; }
int cuCtxSynchronize(void) {
  FAULT("cuCtxSynchronize");
  return 0;
}
int cuMemGetInfo_v2(size_t* available, size_t* total) {
  FAULT("cuMemGetInfo");
  *available = (size_t)number("FAKE_FREE_MIB", 32) << 20;
  *total = (size_t)24 << 30;
  return 0;
}

static int is_tensor(const char* ptx) { return strstr(ptx, ".entry probe_tensor(") != NULL; }

// The text has to be PTX that an old driver takes, for this GPU or an older one.
int cuModuleLoadDataEx(void** module, const void* image, unsigned count, int* options,
                       void** values) {
  FAULT("cuModuleLoadDataEx");
  const char* ptx = image;
  for (unsigned i = 0; i < count; i++) {
    if (options[i] == 5) strcpy(values[i], "fake log");
  }
  if (is_tensor(ptx)) FAULT("tensor_module");
  if (strstr(ptx, ".version 6.0\n") == NULL) return 222;
  if (strstr(ptx, is_tensor(ptx) ? ".target sm_70\n" : ".target sm_60\n") == NULL) return 218;
  if (number("FAKE_CAPABILITY", 86) < (is_tensor(ptx) ? 70 : 60)) return 209;
  *module = (void*)(uintptr_t)ptx;
  return 0;
}
int cuModuleGetFunction(void** function, void* module, const char* name) {
  FAULT("cuModuleGetFunction");
  char entry[96];
  snprintf(entry, sizeof entry, ".visible .entry %s(", name);
  if (strstr(module, entry) == NULL) return 500;
  *function = (void*)(uintptr_t)name;
  return 0;
}
int cuMemAlloc_v2(uint64_t* memory, size_t bytes) {
  FAULT("cuMemAlloc");
  *memory = (uint64_t)(uintptr_t)malloc(bytes);
  return *memory == 0 ? 2 : 0;
}
int cuMemFree_v2(uint64_t memory) {
  free((void*)(uintptr_t)memory);
  return 0;
}
int cuMemHostAlloc(void** memory, size_t bytes, unsigned flags) {
  (void)flags;
  FAULT("cuMemHostAlloc");
  *memory = malloc(bytes);
  return *memory == NULL ? 2 : 0;
}
int cuMemFreeHost(void* memory) {
  free(memory);
  return 0;
}
static int copy(void* to, const void* from, size_t bytes) {
  memmove(to, from, bytes);
  return 0;
}
int cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
  FAULT("cuMemcpyHtoD");
  return copy((void*)(uintptr_t)to, from, bytes);
}
int cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
  FAULT("cuMemcpyDtoH");
  return copy(to, (void*)(uintptr_t)from, bytes);
}
int cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* stream) {
  (void)stream;
  FAULT("cuMemcpyHtoDAsync");
  return copy((void*)(uintptr_t)to, from, bytes);
}
int cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* stream) {
  (void)stream;
  return copy(to, (void*)(uintptr_t)from, bytes);
}
int cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* stream) {
  (void)stream;
  return copy((void*)(uintptr_t)to, (void*)(uintptr_t)from, bytes);
}

static uint32_t pattern(uint32_t i, uint32_t seed) {
  uint32_t x = i + seed;
  x = (x ^ (x >> 16)) * 2146121005u;
  x = (x ^ (x >> 15)) * 2221713035u;
  return x ^ (x >> 16);
}

static void fill(void** arguments) {
  uint32_t* words = *(uint32_t**)arguments[0];
  uint32_t count = *(uint32_t*)arguments[1], seed = *(uint32_t*)arguments[2];
  uint32_t flip = *(uint32_t*)arguments[3];
  for (uint32_t i = 0; i < count; i++) words[i] = pattern(i, seed) ^ flip;
  if (number("FAKE_FLIP", 0)) words[count / 2 + 7] ^= 0x8000;
}

static void check(void** arguments) {
  uint32_t* words = *(uint32_t**)arguments[0];
  uint32_t count = *(uint32_t*)arguments[1], seed = *(uint32_t*)arguments[2];
  uint32_t flip = *(uint32_t*)arguments[3];
  uint64_t* result = *(uint64_t**)arguments[4];
  if (number("FAKE_BLIND", 0)) return;
  for (uint32_t i = 0; i < count; i++) {
    uint32_t wrong = words[i] ^ pattern(i, seed) ^ flip;
    if (wrong == 0) continue;
    result[0]++;
    if (i < result[1]) result[1] = i;
    result[2] |= wrong;
  }
}

static void matmul(void** arguments) {
  const float *a = *(float**)arguments[0], *b = *(float**)arguments[1];
  float* c = *(float**)arguments[2];
  uint32_t n = *(uint32_t*)arguments[3];
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) c[i * n + j] = 0;
    for (size_t k = 0; k < n; k++) {
      for (size_t j = 0; j < n; j++) c[i * n + j] += a[i * n + k] * b[k * n + j];
    }
  }
  if (number("FAKE_MATMUL", 0)) c[300 * n + 17] += 1;
}

static float half(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float value = exponent == 0
                    ? (float)fraction / (1 << 24)
                    : (float)(1024 + fraction) / 1024 * (float)(1u << exponent) / (1 << 15);
  return bits >> 15 ? -value : value;
}

static void tensor(void** arguments) {
  const uint16_t *a = *(uint16_t**)arguments[0], *b = *(uint16_t**)arguments[1];
  float* restrict c = *(float**)arguments[2];
  size_t n = *(uint32_t*)arguments[3];
  float* restrict right = malloc(n * n * sizeof *right);
  const char* loses = getenv("FAKE_TENSOR_LOSES");
  uint16_t kept[2] = {0xffff, 0xffff};
  if (loses != NULL) kept[loses[2] == '1'] ^= (uint16_t)(1u << (loses[0] - '0'));
  for (size_t i = 0; i < n * n; i++) right[i] = half(b[i] & kept[1]);
  for (size_t i = 0; i < n; i++) {
    for (size_t j = 0; j < n; j++) c[i * n + j] = 0;
    for (size_t k = 0; k < n; k++) {
      float left = half(a[i * n + k] & kept[0]);
      for (size_t j = 0; j < n; j++) c[i * n + j] += left * right[k * n + j];
    }
  }
  free(right);
  if (number("FAKE_TENSOR", 0)) c[700 * n + 17] += 1;
}

int cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                   unsigned bz, unsigned shared, void* stream, void** arguments, void** extra) {
  (void)shared, (void)stream, (void)extra;
  FAULT("cuLaunchKernel");
  if ((uint64_t)bx * by * bz > 1024 || (uint64_t)gx * gy * gz == 0) return 1;
  const char* name = function;
  if (strcmp(name, "probe_fill") == 0) fill(arguments);
  if (strcmp(name, "probe_check") == 0) check(arguments);
  if (strcmp(name, "probe_matmul") == 0) {
    uint32_t n = *(uint32_t*)arguments[3];
    if (gx * bx != n || gy * by != n) return 1;
    matmul(arguments);
  }
  if (strcmp(name, "probe_tensor") == 0) {
    FAULT("tensor_launch");
    uint32_t n = *(uint32_t*)arguments[3];
    if (bx != 32 || by != 1 || gx * 16 != n || gy * 16 != n) return 1;
    static int launches;
    if (launches++ == 0 || !number("FAKE_TENSOR_IDLE", 0)) tensor(arguments);
  }
  return 0;
}
int cuEventCreate(void** event, unsigned flags) {
  (void)flags;
  *event = event;
  return 0;
}
int cuEventRecord(void* event, void* stream) {
  (void)event, (void)stream;
  return 0;
}
int cuEventSynchronize(void* event) {
  (void)event;
  return 0;
}
int cuEventElapsedTime(float* milliseconds, void* begin, void* end) {
  (void)begin, (void)end;
  *milliseconds = 10;
  return 0;
}
