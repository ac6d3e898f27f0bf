#include <stdio.h>
#include <string.h>

#include "loader.h"
#include "stages.h"
#include "text.h"

// From nvml.h, whose types and numbers do not change: what is used, under its own names.
typedef int nvmlReturn_t;
typedef struct nvmlDevice_st* nvmlDevice_t;
typedef struct {
  unsigned long long total, free, used;
} nvmlMemory_t;
enum { NVML_SUCCESS = 0, NVML_TEMPERATURE_GPU = 0 };
enum { NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1, NVML_VOLATILE_ECC = 0 };

struct api {
  nvmlReturn_t (*init)(void);
  nvmlReturn_t (*shutdown)(void);
  nvmlReturn_t (*driver)(char*, unsigned);
  nvmlReturn_t (*cuda)(int*);
  nvmlReturn_t (*count)(unsigned*);
  nvmlReturn_t (*by_index)(unsigned, nvmlDevice_t*);
  nvmlReturn_t (*name)(nvmlDevice_t, char*, unsigned);
  nvmlReturn_t (*uuid)(nvmlDevice_t, char*, unsigned);
  nvmlReturn_t (*brand)(nvmlDevice_t, int*);
  nvmlReturn_t (*capability)(nvmlDevice_t, int*, int*);
  nvmlReturn_t (*memory)(nvmlDevice_t, nvmlMemory_t*);
  nvmlReturn_t (*mig)(nvmlDevice_t, unsigned*, unsigned*);
  nvmlReturn_t (*compute_mode)(nvmlDevice_t, int*);
  nvmlReturn_t (*ecc)(nvmlDevice_t, int*, int*);
  nvmlReturn_t (*ecc_errors)(nvmlDevice_t, int, int, unsigned long long*);
  nvmlReturn_t (*rows)(nvmlDevice_t, unsigned*, unsigned*, unsigned*, unsigned*);
  nvmlReturn_t (*temperature)(nvmlDevice_t, int, unsigned*);
  nvmlReturn_t (*generation)(nvmlDevice_t, unsigned*);
  nvmlReturn_t (*width)(nvmlDevice_t, unsigned*);
  nvmlReturn_t (*max_generation)(nvmlDevice_t, unsigned*);
  nvmlReturn_t (*max_width)(nvmlDevice_t, unsigned*);
};

// Every function but init may be absent from an old or partial library, and then its fact is not
// known; a call through this macro is a failure then.
#define ASK(function, ...) ((function) != 0 && (function)(__VA_ARGS__) == NVML_SUCCESS)
#define TELL(function, ...) ((void)ASK(function, __VA_ARGS__))

// nvmlBrandType_t in the words of NVIDIA_REQUIRE_*; "" where those have none.
static const char* brand_word(int brand) {
  switch (brand) {
    case 0:
      return "unknown";
    case 1:
      return "quadro";
    case 2:
      return "tesla";
    case 5:
      return "geforce";
    case 6:
      return "titan";
    case 12:
      return "quadrortx";
    case 13:
      return "nvidiartx";
    case 14:
      return "nvidia";
    case 15:
      return "geforcertx";
    case 16:
      return "titanrtx";
    default:
      return "";
  }
}

static void bind(void* library, struct api* api) {
  const struct symbol symbols[] = {
      {"nvmlInit_v2", &api->init},
      {"nvmlShutdown", &api->shutdown},
      {"nvmlSystemGetDriverVersion", &api->driver},
      {"nvmlSystemGetCudaDriverVersion_v2", &api->cuda},
      {"nvmlDeviceGetCount_v2", &api->count},
      {"nvmlDeviceGetHandleByIndex_v2", &api->by_index},
      {"nvmlDeviceGetName", &api->name},
      {"nvmlDeviceGetUUID", &api->uuid},
      {"nvmlDeviceGetBrand", &api->brand},
      {"nvmlDeviceGetCudaComputeCapability", &api->capability},
      {"nvmlDeviceGetMemoryInfo", &api->memory},
      {"nvmlDeviceGetMigMode", &api->mig},
      {"nvmlDeviceGetComputeMode", &api->compute_mode},
      {"nvmlDeviceGetEccMode", &api->ecc},
      {"nvmlDeviceGetTotalEccErrors", &api->ecc_errors},
      {"nvmlDeviceGetRemappedRows", &api->rows},
      {"nvmlDeviceGetTemperature", &api->temperature},
      {"nvmlDeviceGetCurrPcieLinkGeneration", &api->generation},
      {"nvmlDeviceGetCurrPcieLinkWidth", &api->width},
      {"nvmlDeviceGetMaxPcieLinkGeneration", &api->max_generation},
      {"nvmlDeviceGetMaxPcieLinkWidth", &api->max_width},
  };
  library_symbols(library, symbols, sizeof symbols / sizeof symbols[0]);
}

static void ask_gpu(const struct api* api, unsigned index, struct nvml_gpu* gpu) {
  nvmlDevice_t device = 0;
  gpu->error = api->by_index(index, &device);
  if (gpu->error != NVML_SUCCESS) return;
  TELL(api->name, device, gpu->name, sizeof gpu->name);
  TELL(api->uuid, device, gpu->uuid, sizeof gpu->uuid);
  int brand = -1;
  if (ASK(api->brand, device, &brand)) COPY(gpu->brand, brand_word(brand));
  TELL(api->capability, device, &gpu->major, &gpu->minor);
  nvmlMemory_t memory = {0, 0, 0};
  if (ASK(api->memory, device, &memory)) {
    gpu->memory_total = memory.total;
    gpu->memory_used = memory.used;
  }
  unsigned mig = 0, pending_mig = 0;
  gpu->mig_known = ASK(api->mig, device, &mig, &pending_mig);
  gpu->mig = mig != 0;
  gpu->compute_mode_known = ASK(api->compute_mode, device, &gpu->compute_mode);
  int ecc = 0, pending_ecc = 0;
  gpu->ecc_known = ASK(api->ecc, device, &ecc, &pending_ecc);
  gpu->ecc = ecc != 0;
  unsigned long long errors = 0;
  gpu->ecc_errors_known =
      ASK(api->ecc_errors, device, NVML_MEMORY_ERROR_TYPE_UNCORRECTED, NVML_VOLATILE_ECC, &errors);
  gpu->ecc_errors = errors;
  unsigned pending = 0, failed = 0;
  gpu->rows_known =
      ASK(api->rows, device, &gpu->rows_corrected, &gpu->rows_uncorrected, &pending, &failed);
  gpu->rows_pending = pending != 0;
  gpu->rows_failed = failed != 0;
  gpu->temperature_known = ASK(api->temperature, device, NVML_TEMPERATURE_GPU, &gpu->temperature);
  TELL(api->generation, device, &gpu->pcie_generation);
  TELL(api->width, device, &gpu->pcie_width);
  TELL(api->max_generation, device, &gpu->pcie_max_generation);
  TELL(api->max_width, device, &gpu->pcie_max_width);
}

void nvml_run(struct report* report, const void* unused, struct stage_control* control) {
  (void)unused;
  struct nvml* nvml = &report->nvml;
  stage_step(control, "loading libnvidia-ml.so.1");
  void* library = library_open("libnvidia-ml.so.1", "nvmlInit_v2", nvml->path, sizeof nvml->path,
                               nvml->load_error, sizeof nvml->load_error);
  nvml->loaded = library != 0;
  if (library == 0) return;
  struct api api;
  bind(library, &api);
  if (api.init == 0) {
    nvml->loaded = false;
    FORMAT(nvml->load_error, "%.200s has no nvmlInit_v2", nvml->path);
    return;
  }
  stage_step(control, "nvmlInit");
  nvml->error = api.init();
  if (nvml->error != NVML_SUCCESS) return;
  nvml->initialised = true;
  stage_step(control, "asking NVML for the driver");
  TELL(api.driver, nvml->driver, sizeof nvml->driver);
  TELL(api.cuda, &nvml->cuda);
  unsigned count = 0;
  if (api.count == 0 || api.by_index == 0) return;
  nvml->error = api.count(&count);
  if (nvml->error != NVML_SUCCESS) return;
  nvml->gpu_count = count > MAX_GPUS ? MAX_GPUS : (int)count;
  for (int i = 0; i < nvml->gpu_count; i++) {
    stage_step(control, "asking NVML about GPU %d", i);
    ask_gpu(&api, (unsigned)i, &nvml->gpus[i]);
  }
  stage_step(control, "nvmlShutdown");
  if (api.shutdown != 0) api.shutdown();
}
