// A libnvidia-ml.so.1 with the GPUs of the fake libcuda; faults by fault.h and
//   FAKE_NVML_GPUS, FAKE_DRIVER (550.54.15), FAKE_MIG, FAKE_ECC_ERRORS, FAKE_ROWS=pending|failed
#include <stdint.h>
#include <stdio.h>

#include "fault.h"

int nvmlInit_v2(void) {
  FAULT("nvmlInit");
  return 0;
}
int nvmlShutdown(void) {
  FAULT("nvmlShutdown");
  return 0;
}
int nvmlSystemGetDriverVersion(char* text, unsigned size) {
  const char* version = getenv("FAKE_DRIVER");
  snprintf(text, size, "%s", version != NULL ? version : "550.54.15");
  return 0;
}
int nvmlSystemGetCudaDriverVersion_v2(int* version) {
  *version = number("FAKE_VERSION", 12040);
  return 0;
}
int nvmlDeviceGetCount_v2(unsigned* count) {
  FAULT("nvmlDeviceGetCount");
  *count = (unsigned)number("FAKE_NVML_GPUS", number("FAKE_GPUS", 1));
  return 0;
}
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void** device) {
  FAULT("nvmlDeviceGetHandleByIndex");
  *device = (void*)(uintptr_t)(index + 1);
  return 0;
}
int nvmlDeviceGetName(void* device, char* text, unsigned size) {
  snprintf(text, size, "Fake \"GPU\" %d", (int)(uintptr_t)device - 1);
  return 0;
}
int nvmlDeviceGetUUID(void* device, char* text, unsigned size) {
  snprintf(text, size, "GPU-abababab-abab-abab-abab-ababababab%02x",
           (unsigned)(uintptr_t)device - 1);
  return 0;
}
int nvmlDeviceGetBrand(void* device, int* brand) {
  (void)device;
  *brand = 2;
  return 0;
}
int nvmlDeviceGetCudaComputeCapability(void* device, int* major, int* minor) {
  (void)device;
  *major = number("FAKE_CAPABILITY", 86) / 10;
  *minor = number("FAKE_CAPABILITY", 86) % 10;
  return 0;
}
int nvmlDeviceGetMemoryInfo(void* device, unsigned long long* memory) {
  (void)device;
  memory[0] = 24ull << 30;
  memory[1] = 23ull << 30;
  memory[2] = 1ull << 30;
  return 0;
}
int nvmlDeviceGetMigMode(void* device, unsigned* now, unsigned* pending) {
  (void)device;
  *now = *pending = (unsigned)number("FAKE_MIG", 0);
  return 0;
}
int nvmlDeviceGetComputeMode(void* device, int* mode) {
  (void)device;
  *mode = 0;
  return 0;
}
int nvmlDeviceGetTotalEccErrors(void* device, int type, int counter, unsigned long long* count) {
  (void)device;
  if (type != 1 || counter != 0) return 2;
  *count = (unsigned long long)number("FAKE_ECC_ERRORS", 0);
  return 0;
}
int nvmlDeviceGetRemappedRows(void* device, unsigned* corrected, unsigned* uncorrected,
                              unsigned* pending, unsigned* failed) {
  (void)device;
  *corrected = *uncorrected = 0;
  *pending = (unsigned)chosen("FAKE_ROWS", "pending");
  *failed = (unsigned)chosen("FAKE_ROWS", "failed");
  return 0;
}
