#include "cuda_api.h"

#include <stdio.h>

#include "loader.h"
#include "text.h"

const char* cuda_bind(void* libcuda, struct cuda* cuda) {
  const struct symbol symbols[] = {
      {"cuInit", &cuda->cuInit},
      {"cuDriverGetVersion", &cuda->cuDriverGetVersion},
      {"cuDeviceGetCount", &cuda->cuDeviceGetCount},
      {"cuDeviceGet", &cuda->cuDeviceGet},
      {"cuDeviceGetName", &cuda->cuDeviceGetName},
      {"cuDeviceGetPCIBusId", &cuda->cuDeviceGetPCIBusId},
      {"cuDeviceGetAttribute", &cuda->cuDeviceGetAttribute},
      {"cuDeviceTotalMem_v2", &cuda->cuDeviceTotalMem},
      {"cuDevicePrimaryCtxRetain", &cuda->cuDevicePrimaryCtxRetain},
      {"cuDevicePrimaryCtxRelease_v2", &cuda->cuDevicePrimaryCtxRelease},
      {"cuCtxSetCurrent", &cuda->cuCtxSetCurrent},
      {"cuCtxSynchronize", &cuda->cuCtxSynchronize},
      {"cuMemGetInfo_v2", &cuda->cuMemGetInfo},
      {"cuModuleLoadDataEx", &cuda->cuModuleLoadDataEx},
      {"cuModuleGetFunction", &cuda->cuModuleGetFunction},
      {"cuMemAlloc_v2", &cuda->cuMemAlloc},
      {"cuMemFree_v2", &cuda->cuMemFree},
      {"cuMemHostAlloc", &cuda->cuMemHostAlloc},
      {"cuMemFreeHost", &cuda->cuMemFreeHost},
      {"cuMemcpyHtoD_v2", &cuda->cuMemcpyHtoD},
      {"cuMemcpyDtoH_v2", &cuda->cuMemcpyDtoH},
      {"cuMemcpyHtoDAsync_v2", &cuda->cuMemcpyHtoDAsync},
      {"cuMemcpyDtoHAsync_v2", &cuda->cuMemcpyDtoHAsync},
      {"cuMemcpyDtoDAsync_v2", &cuda->cuMemcpyDtoDAsync},
      {"cuLaunchKernel", &cuda->cuLaunchKernel},
      {"cuEventCreate", &cuda->cuEventCreate},
      {"cuEventRecord", &cuda->cuEventRecord},
      {"cuEventSynchronize", &cuda->cuEventSynchronize},
      {"cuEventElapsedTime", &cuda->cuEventElapsedTime},
  };
  const char* missing = library_symbols(libcuda, symbols, sizeof symbols / sizeof symbols[0]);
  // The newer one names a MIG instance by its own UUID.
  const struct symbol uuid[] = {{"cuDeviceGetUuid_v2", &cuda->cuDeviceGetUuid}};
  const struct symbol old_uuid[] = {{"cuDeviceGetUuid", &cuda->cuDeviceGetUuid}};
  if (library_symbols(libcuda, uuid, 1) != 0) library_symbols(libcuda, old_uuid, 1);
  return missing;
}

struct name {
  int code;
  const char* text;
};

static const char* find_name(const struct name* names, size_t count, int code, const char* prefix) {
  static char other[40];
  for (size_t i = 0; i < count; i++) {
    if (names[i].code == code) return names[i].text;
  }
  FORMAT(other, "%s%d", prefix, code);
  return other;
}

const char* cuda_error_name(CUresult error) {
  static const struct name names[] = {
      {0, "CUDA_SUCCESS"},
      {1, "CUDA_ERROR_INVALID_VALUE"},
      {2, "CUDA_ERROR_OUT_OF_MEMORY"},
      {3, "CUDA_ERROR_NOT_INITIALIZED"},
      {4, "CUDA_ERROR_DEINITIALIZED"},
      {34, "CUDA_ERROR_STUB_LIBRARY"},
      {46, "CUDA_ERROR_DEVICE_UNAVAILABLE"},
      {100, "CUDA_ERROR_NO_DEVICE"},
      {101, "CUDA_ERROR_INVALID_DEVICE"},
      {102, "CUDA_ERROR_DEVICE_NOT_LICENSED"},
      {200, "CUDA_ERROR_INVALID_IMAGE"},
      {201, "CUDA_ERROR_INVALID_CONTEXT"},
      {209, "CUDA_ERROR_NO_BINARY_FOR_GPU"},
      {214, "CUDA_ERROR_ECC_UNCORRECTABLE"},
      {218, "CUDA_ERROR_INVALID_PTX"},
      {220, "CUDA_ERROR_NVLINK_UNCORRECTABLE"},
      {221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"},
      {222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"},
      {223, "CUDA_ERROR_JIT_COMPILATION_DISABLED"},
      {304, "CUDA_ERROR_OPERATING_SYSTEM"},
      {500, "CUDA_ERROR_NOT_FOUND"},
      {700, "CUDA_ERROR_ILLEGAL_ADDRESS"},
      {701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"},
      {702, "CUDA_ERROR_LAUNCH_TIMEOUT"},
      {714, "CUDA_ERROR_HARDWARE_STACK_ERROR"},
      {715, "CUDA_ERROR_ILLEGAL_INSTRUCTION"},
      {716, "CUDA_ERROR_MISALIGNED_ADDRESS"},
      {717, "CUDA_ERROR_INVALID_ADDRESS_SPACE"},
      {718, "CUDA_ERROR_INVALID_PC"},
      {719, "CUDA_ERROR_LAUNCH_FAILED"},
      {800, "CUDA_ERROR_NOT_PERMITTED"},
      {801, "CUDA_ERROR_NOT_SUPPORTED"},
      {802, "CUDA_ERROR_SYSTEM_NOT_READY"},
      {803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"},
      {804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"},
      {805, "CUDA_ERROR_MPS_CONNECTION_FAILED"},
      {999, "CUDA_ERROR_UNKNOWN"},
  };
  return find_name(names, sizeof names / sizeof names[0], error, "CUDA_ERROR_");
}

const char* nvml_error_name(int error) {
  static const struct name names[] = {
      {0, "success"},
      {3, "not supported"},
      {4, "insufficient permissions"},
      {9, "driver not loaded"},
      {12, "shared library not found"},
      {14, "corrupted infoROM"},
      {15, "GPU is lost"},
      {16, "GPU requires reset"},
      {17, "blocked by the operating system"},
      {18, "driver/library version mismatch"},
      {999, "unknown error"},
  };
  return find_name(names, sizeof names / sizeof names[0], error, "NVML error ");
}
