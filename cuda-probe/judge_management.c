// The verdict where libcuda was not asked (--only survey,nvml): the cheap health check. What NVML
// and the device nodes show counts as it would count beside the driver.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cuda_api.h"
#include "requirements.h"
#include "text.h"
#include "verdict.h"

static const char kAskForGpus[] =
    "start the container with GPUs: docker run --gpus all, podman run --device nvidia.com/gpu=all, "
    "in Kubernetes resources.limits nvidia.com/gpu: 1";

static void judge_no_nodes(const struct survey* survey, struct verdict* verdict) {
  const char* devices = survey->visible_devices.set ? survey->visible_devices.value : "";
  if (strcmp(devices, "void") == 0 || strcmp(devices, "none") == 0) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "gpus-switched-off",
                               "NVIDIA_VISIBLE_DEVICES=%s tells the container runtime to give this "
                               "container no GPU",
                               devices),
                   "remove the variable or set it to all; %s", kAskForGpus);
  } else if (survey->host_driver) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-gpu-requested",
                               "the host has the NVIDIA driver %s, but there is no /dev/nvidia0 in "
                               "this container",
                               survey->kernel_driver),
                   "%s", kAskForGpus);
  } else {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-driver",
                               "there is no /dev/nvidia0, and the kernel has no NVIDIA driver "
                               "loaded"),
                   "use a machine with an NVIDIA GPU and its driver, and %s", kAskForGpus);
  }
}

static void judge_nvml(const struct report* report, struct verdict* verdict) {
  const struct nvml* nvml = &report->nvml;
  const struct survey* survey = &report->survey;
  if (!nvml->loaded) {
    finding_advise(
        verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-utility-capability",
                    "there are GPU device nodes, but libnvidia-ml.so.1 cannot be loaded (%s), and "
                    "nothing else was to be asked",
                    nvml->load_error),
        "set NVIDIA_DRIVER_CAPABILITIES=compute,utility, or run the probe without --only");
  } else if (nvml->error == 18) {
    finding_advise(
        verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-mismatch",
                    "NVML (%s) and the kernel's driver (%s) are of different versions: "
                    "the host's driver was updated and not reloaded",
                    nvml->path,
                    survey->kernel_driver[0] != '\0' ? survey->kernel_driver : "version not known"),
        "reboot the host or reload the nvidia modules, then start the container again");
  } else if (nvml->error == 4) {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "node-permission",
                               "NVML may not use the GPU: %s", nvml_error_name(nvml->error)),
                   "look at SELinux, a rootless container, and the nodes' modes on the host");
  } else if (nvml->error != 0) {
    finding_advise(
        verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-error", "NVML does not work: %s (%d)",
                    nvml_error_name(nvml->error), nvml->error),
        "look at nvidia-smi and dmesg on the host; start the container again");
  } else if (nvml->gpu_count == 0) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-device",
                               "NVML sees no GPU, although there are device nodes"),
                   "compare with nvidia-smi on the host; check NVIDIA_VISIBLE_DEVICES");
  }
}

void judge_management(const struct report* report, struct verdict* verdict) {
  const struct survey* survey = &report->survey;
  const bool asked = report->stages[STAGE_NVML].state == STAGE_DONE;
  const bool alone = report->stages[STAGE_NVML].state == STAGE_SKIPPED &&
                     report->stages[STAGE_LIBRARIES].state == STAGE_SKIPPED &&
                     report->stages[STAGE_TORCH].state == STAGE_SKIPPED;
  if (!asked && !alone) return;
  if (report->stages[STAGE_SURVEY].state != STAGE_DONE) return;
  if (judge_lost(report, verdict)) return;
  if (survey->gpu_count == 0 && !survey->dxg) {
    judge_no_nodes(survey, verdict);
  } else if (!judge_nodes(report, verdict) && asked) {
    judge_nvml(report, verdict);
  }
}
