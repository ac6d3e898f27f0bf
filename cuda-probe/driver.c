#include <stdio.h>
#include <string.h>

#include "compute.h"
#include "cuda_api.h"
#include "loader.h"
#include "stages.h"
#include "text.h"

static bool succeeded(struct driver* driver, const char* call, CUresult result) {
  if (result == CUDA_SUCCESS) return true;
  COPY(driver->call, call);
  driver->error = result;
  return false;
}

static void format_uuid(const CUuuid* uuid, char* text, size_t size) {
  const unsigned char* b = uuid->bytes;
  snprintf(text, size, "GPU-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
           b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13],
           b[14], b[15]);
}

static void describe_gpu(struct driver* driver, const struct cuda* cuda, int index,
                         struct gpu* gpu) {
  CUdevice device = 0;
  size_t memory = 0;
  CUuuid uuid;
  if (!succeeded(driver, "cuDeviceGet", cuda->cuDeviceGet(&device, index))) return;
  succeeded(driver, "cuDeviceGetName",
            cuda->cuDeviceGetName(gpu->name, (int)sizeof gpu->name, device));
  succeeded(driver, "cuDeviceGetAttribute",
            cuda->cuDeviceGetAttribute(&gpu->major, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR,
                                       device));
  succeeded(driver, "cuDeviceGetAttribute",
            cuda->cuDeviceGetAttribute(&gpu->minor, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR,
                                       device));
  cuda->cuDeviceGetAttribute(&gpu->multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT,
                             device);
  if (succeeded(driver, "cuDeviceTotalMem", cuda->cuDeviceTotalMem(&memory, device)))
    gpu->memory = memory;
  cuda->cuDeviceGetPCIBusId(gpu->pci, (int)sizeof gpu->pci, device);
  if (cuda->cuDeviceGetUuid != 0 && cuda->cuDeviceGetUuid(&uuid, device) == CUDA_SUCCESS) {
    format_uuid(&uuid, gpu->uuid, sizeof gpu->uuid);
  }
}

// Loads libcuda, starts it, and describes the devices; true if they can be put to work.
static bool start_driver(struct report* report, struct stage_control* control, struct cuda* cuda) {
  struct driver* driver = &report->driver;
  stage_step(control, "loading libcuda.so.1");
  void* library = library_open("libcuda.so.1", "cuInit", driver->path, sizeof driver->path,
                               driver->load_error, sizeof driver->load_error);
  driver->loaded = library != 0;
  if (library == 0) return false;
  const char* missing = cuda_bind(library, cuda);
  if (missing != 0) COPY(driver->missing_symbol, missing);
  if (cuda->cuInit == 0 || cuda->cuDriverGetVersion == 0) return false;

  stage_step(control, "cuInit");
  driver->init_called = true;
  if (!succeeded(driver, "cuInit", cuda->cuInit(0))) {
    cuda->cuDriverGetVersion(&driver->version);
    return false;
  }
  driver->initialised = true;
  stage_step(control, "asking the driver for its version");
  if (!succeeded(driver, "cuDriverGetVersion", cuda->cuDriverGetVersion(&driver->version)))
    return false;
  if (missing != 0) return false;

  stage_step(control, "counting the devices");
  int count = 0;
  if (!succeeded(driver, "cuDeviceGetCount", cuda->cuDeviceGetCount(&count))) return false;
  driver->gpu_count = count;
  for (int i = 0; i < count && i < MAX_GPUS; i++) {
    stage_step(control, "asking the driver about GPU %d", i);
    describe_gpu(driver, cuda, i, &driver->gpus[i]);
  }
  return driver->error == CUDA_SUCCESS && count > 0;
}

void driver_run(struct report* report, const void* context, struct stage_control* control) {
  const struct driver_options* options = context;
  struct cuda cuda;
  memset(&cuda, 0, sizeof cuda);
  if (!start_driver(report, control, &cuda) || !options->compute) return;
  stage_enter(control, STAGE_COMPUTE);
  for (int i = 0; i < report->driver.gpu_count && i < MAX_GPUS; i++) {
    struct gpu* gpu = &report->driver.gpus[i];
    double began = now_seconds();
    compute_run(&cuda, i, gpu, control);
    gpu->compute.seconds = now_seconds() - began;
  }
}
