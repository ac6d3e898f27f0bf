// Whether host and image keep what was promised: driver floor, requirements, components, libraries.
#include <stdio.h>
#include <string.h>

#include "require.h"
#include "requirements.h"
#include "text.h"
#include "verdict.h"

// Below this, PyTorch's data loaders and NCCL soon fail with a bus error.
static const uint64_t kSharedMemoryLeast = 1ull << 30;

static void judge_floor(const struct report* report, const struct promise* promise,
                        struct verdict* verdict) {
  struct version have, least;
  const char* driver = report_driver_version(report);
  char cuda[32] = "";
  if (report->driver.version > 0) {
    FORMAT(cuda, "%d.%d", report->driver.version / 1000, report->driver.version % 1000 / 10);
  }
  bool driver_old = promise->driver_min != 0 && version_parse(promise->driver_min, &least) &&
                    version_parse(driver, &have) && version_compare(&have, &least) < 0;
  bool cuda_old = promise->cuda_driver_min != 0 &&
                  version_parse(promise->cuda_driver_min, &least) && version_parse(cuda, &have) &&
                  version_compare(&have, &least) < 0;
  if (!driver_old && !cuda_old) return;
  finding_advise(
      verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-too-old",
                  "the host's driver %s (CUDA %s) is too old for this image, which "
                  "needs driver %s (CUDA %s) or later",
                  driver[0] != '\0' ? driver : "of unknown version",
                  cuda[0] != '\0' ? cuda : "unknown",
                  promise->driver_min != 0 ? promise->driver_min : "not promised",
                  promise->cuda_driver_min != 0 ? promise->cuda_driver_min : "not promised"),
      "update the host's driver, or use an image for an older CUDA");
}

static void judge_requirements(const struct report* report, struct verdict* verdict) {
  for (int i = 0; i < report->requirement_count; i++) {
    const struct requirement* requirement = &report->requirements[i];
    if (requirement->result == REQUIRE_INVALID) {
      finding_advise(
          verdict_note(verdict, SEVERITY_WARNING, OWNER_IMAGE, "requirement-invalid",
                       "%s=\"%.300s\" is not a requirement that can be read", requirement->name,
                       requirement->value),
          "write it as cuda>=11.8 or driver>=525, with commas for \"and\" and spaces for "
          "\"or\"");
    } else if (requirement->result == REQUIRE_UNMET && report->requirements_disabled) {
      verdict_note(verdict, SEVERITY_INFO, OWNER_NOBODY, "requirement-disabled",
                   "%s=\"%.300s\" does not hold, and NVIDIA_DISABLE_REQUIRE says not to mind",
                   requirement->name, requirement->value);
    } else if (requirement->result == REQUIRE_UNMET) {
      finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "requirement-unmet",
                                 "the host does not have what the image requires: %s=\"%.300s\"",
                                 requirement->name, requirement->value),
                     "update the host's driver, or use another image; NVIDIA_DISABLE_REQUIRE=1 "
                     "switches the check off");
    }
  }
}

void judge_host(const struct report* report, const struct promise* promise,
                struct verdict* verdict) {
  const struct survey* survey = &report->survey;
  if (report->driver.init_called && promise->state == PROMISE_PRESENT) {
    judge_floor(report, promise, verdict);
  }
  judge_requirements(report, verdict);
  if (report->driver.initialised && !report->nvml.loaded &&
      report->stages[STAGE_NVML].state == STAGE_DONE) {
    finding_advise(verdict_note(verdict, SEVERITY_INFO, OWNER_RUN, "no-utility-capability",
                                "CUDA works; NVML and nvidia-smi are not in the container"),
                   "NVIDIA_DRIVER_CAPABILITIES=compute,utility brings them");
  }
  if (report->driver.gpu_count > 0 && survey->shm && survey->shm_bytes < kSharedMemoryLeast) {
    finding_advise(verdict_note(verdict, SEVERITY_WARNING, OWNER_RUN, "small-shm",
                                "/dev/shm has only %llu MiB: data loaders with workers and NCCL "
                                "fail with a bus error when it is full",
                                (unsigned long long)(survey->shm_bytes >> 20)),
                   "docker run --shm-size=8g or --ipc=host; in Kubernetes an emptyDir with medium: "
                   "Memory on /dev/shm");
  }
}

static void judge_component(const struct component* component, struct verdict* verdict) {
  bool cuda_wrong = component->promised_cuda[0] != '\0' && component->found_cuda[0] != '\0' &&
                    !version_agrees(component->found_cuda, component->promised_cuda);
  struct finding* finding;
  if (component->state == LIBRARY_MISSING) {
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "component-missing",
                          "%s %s is promised and not there (%s)", component->name,
                          component->promised, component->source);
  } else if (component->state != LIBRARY_MISMATCH) {
    return;
  } else if (strcmp(component->found_cuda, "none") == 0 && cuda_wrong) {
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "cpu-build",
                          "%s is a CPU build: %s, without CUDA; CUDA %s is promised",
                          component->name, component->found, component->promised_cuda);
  } else if (cuda_wrong) {
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "component-mismatch",
                          "%s is %s for CUDA %s; %s for CUDA %s is promised", component->name,
                          component->found, component->found_cuda, component->promised,
                          component->promised_cuda);
  } else {
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "component-mismatch",
                          "%s is %s; %s is promised", component->name, component->found,
                          component->promised);
  }
  finding_advise(finding,
                 "something changed the image after it was built (pip install?): start a "
                 "fresh container of it, or build it again");
}

static void judge_library(const struct report* report, const struct library* library,
                          struct verdict* verdict) {
  switch (library->state) {
    case LIBRARY_MISSING:
      finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "library-missing",
                                 "%s is promised and not there (%s)", library->name, library->path),
                     "start a fresh container of the image, or build it again");
      break;
    case LIBRARY_MISMATCH:
      finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "library-mismatch",
                                 "%s is version %s; %s is promised", library->name, library->found,
                                 library->promised),
                     "start a fresh container of the image, or build it again");
      break;
    case LIBRARY_UNLOADABLE:
      finding_advise(
          verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "library-unloadable",
                      "%s cannot be loaded: %s", library->name, library->detail),
          "libraries of another CUDA come first, or some are missing: LD_LIBRARY_PATH is %s",
          report->survey.library_path.set ? report->survey.library_path.value : "not set");
      break;
    case LIBRARY_SHADOWED:
      finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "library-shadowed",
                                 "another %s comes before the promised one: %s, through "
                                 "LD_LIBRARY_PATH",
                                 library->name, library->detail),
                     "unset LD_LIBRARY_PATH, or take that folder out of it");
      break;
    default:
      break;
  }
}

void judge_image(const struct report* report, const struct promise* promise,
                 struct verdict* verdict) {
  if (promise->state == PROMISE_INVALID) {
    finding_advise(
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "promise-invalid",
                    "the image's promise %s cannot be used: %s", promise->path, promise->error),
        "build the image again; until then nothing is known of what it promises");
  } else if (promise->state == PROMISE_ABSENT) {
    verdict_note(verdict, SEVERITY_INFO, OWNER_NOBODY, "promise-absent",
                 "there is no promise at %s: driver and GPU are checked, the image's software is "
                 "not",
                 promise->path);
  }
  for (int i = 0; i < report->component_count; i++)
    judge_component(&report->components[i], verdict);
  for (int i = 0; i < report->library_count; i++) {
    judge_library(report, &report->libraries[i], verdict);
  }
}

void judge_determinism(const struct report* report, struct verdict* verdict) {
  const struct determinism* determinism = &report->determinism;
  for (int i = 0; i < determinism->variable_count; i++) {
    const struct variable* found = &determinism->variables[i].found;
    if (found->set && strcmp(found->value, determinism->variables[i].promised) == 0) continue;
    finding_advise(
        verdict_note(verdict, SEVERITY_WARNING, OWNER_RUN, "determinism-off",
                     "%s is %s; the image promises %s, so results may differ from its other runs",
                     determinism->variables[i].name, found->set ? found->value : "not set",
                     determinism->variables[i].promised),
        "leave the variable as the image sets it: not -e, not --env-file, no env of the pod");
  }
  if (determinism->module_path[0] != '\0' && !determinism->module_there &&
      report->stages[STAGE_LIBRARIES].state == STAGE_DONE) {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "component-missing",
                               "the module %s is promised and not there (%s)", determinism->module,
                               determinism->module_path),
                   "start a fresh container of the image, or build it again");
  }
  const struct torch_check* import = &report->torch.checks[TORCH_DETERMINISM];
  if (import->state == TORCH_ERROR) {
    finding_advise(
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "determinism-module",
                    "the module %s cannot be imported: %s", determinism->module, import->detail),
        "start a fresh container of the image, or build it again");
  }
}
