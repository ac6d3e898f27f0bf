// Collects the NVIDIA_REQUIRE_* variables and evaluates them against what the stages found.
#ifndef IMGFORGE_PROBE_REQUIREMENTS_H
#define IMGFORGE_PROBE_REQUIREMENTS_H

#include "report.h"

// Call it before the stages; `environment` as environ.
void requirements_collect(struct report* report, char** environment);

// Call it after them. Each requirement has to hold for every GPU.
void requirements_evaluate(struct report* report);

// The kernel driver's version from the best source there is; "" if none knows.
const char* report_driver_version(const struct report* report);

// NVML's facts of the GPU that the driver calls `index`, matched by UUID; 0 if there are none.
const struct nvml_gpu* report_nvml_gpu(const struct report* report, int index);

#endif
