#include "requirements.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "require.h"
#include "text.h"

static bool is_true(const char* value) {
  static const char* const words[] = {"1", "t", "T", "true", "TRUE", "True"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strcmp(value, words[i]) == 0) return true;
  }
  return false;
}

static int by_name(const void* a, const void* b) {
  return strcmp(((const struct requirement*)a)->name, ((const struct requirement*)b)->name);
}

void requirements_collect(struct report* report, char** environment) {
  for (char** variable = environment; *variable != 0; variable++) {
    const char* equals = strchr(*variable, '=');
    if (equals == 0) continue;
    if (text_starts_with(*variable, "NVIDIA_DISABLE_REQUIRE=")) {
      report->requirements_disabled = is_true(equals + 1);
    }
    if (!require_is_variable(*variable) || equals[1] == '\0') continue;
    if (report->requirement_count == MAX_REQUIREMENTS) continue;
    struct requirement* requirement = &report->requirements[report->requirement_count++];
    FORMAT(requirement->name, "%.*s", (int)(equals - *variable < 63 ? equals - *variable : 63),
           *variable);
    COPY(requirement->value, equals + 1);
    requirement->result = REQUIRE_UNKNOWN;
  }
  qsort(report->requirements, (size_t)report->requirement_count, sizeof report->requirements[0],
        by_name);
}

const char* report_driver_version(const struct report* report) {
  return report->nvml.driver[0] != '\0' ? report->nvml.driver : report->survey.kernel_driver;
}

const struct nvml_gpu* report_nvml_gpu(const struct report* report, int index) {
  const char* uuid = report->driver.gpus[index].uuid;
  for (int i = 0; i < report->nvml.gpu_count && uuid[0] != '\0'; i++) {
    if (strcmp(report->nvml.gpus[i].uuid, uuid) == 0) return &report->nvml.gpus[i];
  }
  return 0;
}

static enum require_result worse(enum require_result a, enum require_result b) {
  static const int rank[] = {
      [REQUIRE_MET] = 0, [REQUIRE_UNKNOWN] = 1, [REQUIRE_UNMET] = 2, [REQUIRE_INVALID] = 3};
  return rank[a] >= rank[b] ? a : b;
}

// One GPU by the driver's count, or, where the driver did not start, by NVML's.
static void gpu_facts(const struct report* report, bool by_driver, int index, char* arch,
                      size_t size, struct require_facts* facts) {
  int major = 0, minor = 0;
  const struct nvml_gpu* nvml = 0;
  if (by_driver) {
    major = report->driver.gpus[index].major;
    minor = report->driver.gpus[index].minor;
    nvml = report_nvml_gpu(report, index);
  } else if (index < report->nvml.gpu_count) {
    nvml = &report->nvml.gpus[index];
    major = nvml->major;
    minor = nvml->minor;
  }
  arch[0] = '\0';
  if (major > 0) snprintf(arch, size, "%d.%d", major, minor);
  facts->arch = arch;
  facts->brand = nvml != 0 ? nvml->brand : "";
}

void requirements_evaluate(struct report* report) {
  char cuda[32] = "", arch[32];
  int version = report->driver.version > 0 ? report->driver.version : report->nvml.cuda;
  if (version > 0) FORMAT(cuda, "%d.%d", version / 1000, version % 1000 / 10);
  bool by_driver = report->driver.gpu_count > 0;
  int gpus = by_driver ? report->driver.gpu_count : report->nvml.gpu_count;
  if (gpus > MAX_GPUS) gpus = MAX_GPUS;
  for (int r = 0; r < report->requirement_count; r++) {
    struct requirement* requirement = &report->requirements[r];
    enum require_result result = REQUIRE_MET;
    for (int i = 0; i < (gpus > 0 ? gpus : 1); i++) {
      struct require_facts facts = {cuda, report_driver_version(report), "", ""};
      gpu_facts(report, by_driver, i, arch, sizeof arch, &facts);
      result = worse(result, require_evaluate(requirement->value, &facts));
    }
    requirement->result = result;
  }
}
