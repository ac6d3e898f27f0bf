// Whether the driver starts, and if not, why: the rows of docs/probe.md's table from "no driver" to
// "unknown error", told apart by what the survey and NVML saw.
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

static bool is_word(const struct variable* variable, const char* word) {
  return variable->set && strcmp(variable->value, word) == 0;
}

// The version in a driver library's file name: libcuda.so.550.54.15. False for one without.
static bool file_version(const char* path, struct version* version) {
  const char* so = strstr(path, ".so.");
  return so != 0 && version_parse(so + 4, version) && version->count >= 2;
}

static bool differ(const char* path, const char* version) {
  struct version a, b;
  return file_version(path, &a) && version_parse(version, &b) && version_compare(&a, &b) != 0;
}

static void judge_no_library(const struct report* report, struct verdict* verdict) {
  const struct survey* survey = &report->survey;
  if (survey->dxg) {
    finding_advise(
        verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "wsl-no-driver",
                    "this is Windows Subsystem for Linux, and its libcuda.so.1 is not in the "
                    "container: /dev/dxg is there, /usr/lib/wsl/lib is not used"),
        "%s; the driver belongs on the Windows side, install none inside", kAskForGpus);
  } else if (survey->gpu_count > 0 && report->nvml.loaded) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-compute-capability",
                               "the GPU's management library is in the container, but libcuda.so.1 "
                               "is not: the driver capability \"compute\" was not asked for"),
                   "set NVIDIA_DRIVER_CAPABILITIES=compute,utility (now: %s)",
                   survey->capabilities.set ? survey->capabilities.value : "not set");
  } else if (survey->gpu_count > 0) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-driver-libraries",
                               "%d GPU device node%s in the container, but none of the driver's "
                               "libraries: the nodes were passed without the NVIDIA runtime",
                               survey->gpu_count, survey->gpu_count == 1 ? " is" : "s are"),
                   "%s; passing /dev/nvidia* by hand is not enough", kAskForGpus);
  } else if (is_word(&survey->visible_devices, "void") ||
             is_word(&survey->visible_devices, "none")) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "gpus-switched-off",
                               "NVIDIA_VISIBLE_DEVICES=%s tells the container runtime to give this "
                               "container no GPU",
                               survey->visible_devices.value),
                   "remove the variable or set it to all; %s", kAskForGpus);
  } else if (survey->host_driver) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-gpu-requested",
                               "the host has the NVIDIA driver %s, but this container was started "
                               "without GPUs: no libcuda.so.1 and no /dev/nvidia*",
                               survey->kernel_driver),
                   "%s", kAskForGpus);
  } else {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-driver",
                               "no NVIDIA driver in this container: libcuda.so.1 and /dev/nvidia* "
                               "are both absent, and the kernel has no NVIDIA driver loaded"),
                   "use a machine with an NVIDIA GPU and its driver, and %s", kAskForGpus);
  }
}

static void judge_unloadable(const struct report* report, struct verdict* verdict) {
  const struct driver* driver = &report->driver;
  // The loader's one message for "not found anywhere" names the file that was asked for itself.
  if (text_starts_with(driver->load_error,
                       "libcuda.so.1: cannot open shared object file: No such")) {
    judge_no_library(report, verdict);
    return;
  }
  finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "driver-unloadable",
                             "libcuda.so.1 is there and cannot be loaded: %s", driver->load_error),
                 "the image lacks something that the driver needs, or carries a damaged or foreign "
                 "libcuda.so.1: remove driver packages from the image");
}

bool judge_nodes(const struct report* report, struct verdict* verdict) {
  const struct survey* survey = &report->survey;
  int error = survey->control.error;
  for (int i = 0; i < survey->gpu_count && error == 0; i++) error = survey->gpus[i].error;
  if (error == EPERM) {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "cgroup-lost",
                               "the kernel forbids opening the GPU's device nodes (EPERM): the "
                               "container's device permissions are gone, as after a systemctl "
                               "daemon-reload on the host"),
                   "start the container again; for good: make the /dev/char links (nvidia-ctk "
                   "system create-dev-char-symlinks), or use CDI");
  } else if (error == EACCES) {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "node-permission",
                               "this user may not open the GPU's device nodes (EACCES): file mode, "
                               "SELinux or a rootless container"),
                   "podman: --security-opt label=disable, or setsebool container_use_devices on; "
                   "otherwise put the user into the nodes' group on the host");
  } else {
    return false;
  }
  return true;
}

bool judge_lost(const struct report* report, struct verdict* verdict) {
  const struct nvml* nvml = &report->nvml;
  int error = nvml->error;
  int gpu = -1;
  // The driver starts without a GPU that fell off the bus; its node still tells.
  for (int i = -1; i < report->survey.gpu_count; i++) {
    const struct node* node = i < 0 ? &report->survey.control : &report->survey.gpus[i];
    if (!node->opened || node->error != EIO) continue;
    finding_advise(
        verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "gpu-lost",
                    "/dev/%s cannot be opened (EIO): a GPU does not answer any more", node->name),
        "look for \"Xid 79\" in the host's dmesg; reset the GPU or reboot, and replace "
        "it if it comes back");
    return true;
  }
  for (int i = 0; i < nvml->gpu_count && error == 0; i++) {
    error = nvml->gpus[i].error;
    gpu = i;
  }
  if (error != 15 && error != 16) return false;
  struct finding* finding =
      verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, error == 15 ? "gpu-lost" : "gpu-reset",
                  error == 15 ? "a GPU has fallen off the bus (NVML: GPU is lost)"
                              : "a GPU has to be reset before it works again (NVML: GPU requires "
                                "reset)");
  finding->gpu = gpu;
  finding_advise(finding,
                 "look for \"Xid\" in the host's dmesg; nvidia-smi --gpu-reset or reboot "
                 "the host, and replace the GPU if it comes back");
  return true;
}

static void judge_no_device(const struct report* report, struct verdict* verdict) {
  const struct survey* survey = &report->survey;
  const struct nvml* nvml = &report->nvml;
  bool mig = false;
  for (int i = 0; i < nvml->gpu_count; i++) mig = mig || nvml->gpus[i].mig;
  if (nvml->gpu_count > 0 && survey->cuda_visible_devices.set) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "cuda-visible-devices",
                               "%d GPU%s in the container, but CUDA_VISIBLE_DEVICES=\"%s\" hides "
                               "all of them from CUDA",
                               nvml->gpu_count, nvml->gpu_count == 1 ? " is" : "s are",
                               survey->cuda_visible_devices.value),
                   "remove the variable, or set it to indexes (0,1) or UUIDs of nvidia-smi -L");
  } else if (nvml->gpu_count > 0 && mig) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "mig-without-instance",
                               "the GPU is in MIG mode, and no MIG instance was given to this "
                               "container"),
                   "make instances on the host (nvidia-smi mig -cgi ... -C) and pass one: --gpus "
                   "device=MIG-<uuid> or NVIDIA_VISIBLE_DEVICES=MIG-<uuid>");
  } else if (survey->gpu_count == 0 && !survey->dxg && !survey->host_driver) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-kernel-driver",
                               "the driver's libraries are here (%s), but no GPU: there is no "
                               "/dev/nvidia0, and the kernel has no NVIDIA driver loaded",
                               report->driver.path),
                   "use a machine with an NVIDIA GPU; if this is one: on the host, modprobe nvidia "
                   "and look at dmesg");
  } else if (survey->gpu_count == 0 && !survey->dxg) {
    finding_advise(verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-device-nodes",
                               "the driver's libraries are in the container, but no GPU: there is "
                               "no /dev/nvidia0 (%s)",
                               cuda_error_name(report->driver.error != 0 ? report->driver.error
                                                                         : CUDA_ERROR_NO_DEVICE)),
                   "%s; NVIDIA_VISIBLE_DEVICES is %s", kAskForGpus,
                   survey->visible_devices.set ? survey->visible_devices.value : "not set");
  } else {
    finding_advise(
        verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "no-device", "the driver sees no GPU (%s)",
                    cuda_error_name(report->driver.error != 0 ? report->driver.error
                                                              : CUDA_ERROR_NO_DEVICE)),
        "compare with nvidia-smi on the host; check CUDA_VISIBLE_DEVICES and "
        "NVIDIA_VISIBLE_DEVICES");
  }
}

static void judge_mismatch(const struct report* report, struct verdict* verdict) {
  const char* kernel = report->survey.kernel_driver;
  const char* libcuda = report->driver.path;
  bool compat = strstr(libcuda, "/compat/") != 0;
  struct version cuda, nvml;
  bool alone = file_version(libcuda, &cuda) && file_version(report->nvml.path, &nvml) &&
               version_compare(&cuda, &nvml) != 0;
  if (compat || alone) {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "driver-in-image",
                               "the image brings a libcuda of its own (%s), which does not fit the "
                               "host's driver %s",
                               libcuda, kernel[0] != '\0' ? kernel : "(version not known)"),
                   "remove cuda-compat and driver packages from the image: the container runtime "
                   "brings the host's libcuda");
  } else {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-mismatch",
                               "the driver's libraries (%s) and the kernel's driver (%s) are of "
                               "different versions: the host's driver was updated and not reloaded",
                               libcuda[0] != '\0' ? libcuda : report->nvml.path,
                               kernel[0] != '\0' ? kernel : "version not known"),
                   "reboot the host or reload the nvidia modules, then start the container again");
  }
}

static void judge_start_error(const struct report* report, struct verdict* verdict) {
  const struct driver* driver = &report->driver;
  const struct survey* survey = &report->survey;
  const char* name = cuda_error_name(driver->error);
  switch (driver->error) {
    case CUDA_ERROR_STUB_LIBRARY:
      finding_advise(
          verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "stub-library",
                      "libcuda.so.1 is the toolkit's stub for linking, not a driver (%s)",
                      driver->path),
          "remove .../stubs from LD_LIBRARY_PATH and from /etc/ld.so.conf.d; it belongs "
          "into LIBRARY_PATH at most (LD_LIBRARY_PATH is %s)",
          survey->library_path.set ? survey->library_path.value : "not set");
      return;
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
      judge_mismatch(report, verdict);
      return;
    case CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
      finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "compat-unsupported",
                                 "the image uses CUDA forward compatibility (%s), which this GPU "
                                 "does not have",
                                 driver->path),
                     "remove cuda-compat from the image, or update the host's driver");
      return;
    case CUDA_ERROR_SYSTEM_NOT_READY:
      finding_advise(
          verdict_add(verdict, EXIT_HOST, OWNER_HOST, "fabric-manager",
                      "the machine's NVSwitch fabric is not set up (%s)", name),
          "on the host: systemctl start nvidia-fabricmanager, of the driver's version "
          "(%s)",
          report_driver_version(report)[0] != '\0' ? report_driver_version(report) : "not known");
      return;
    case CUDA_ERROR_NO_DEVICE:
    case CUDA_ERROR_INVALID_DEVICE:
      judge_no_device(report, verdict);
      return;
    default:
      break;
  }
  if (report->nvml.error == 18 || differ(driver->path, survey->kernel_driver)) {
    judge_mismatch(report, verdict);
  } else if (survey->uvm.error != 0 && survey->gpu_count > 0) {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "uvm",
                               "CUDA cannot start (%s): /dev/nvidia-uvm is unusable (%s)", name,
                               strerror(survey->uvm.error)),
                   "on the host: modprobe nvidia_uvm; nvidia-modprobe -c0 -u; then start the "
                   "container again (after suspend: reload nvidia_uvm)");
  } else {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-error",
                               "the driver does not start: %s answers %s (%d)", driver->call, name,
                               driver->error),
                   "look at nvidia-smi and dmesg on the host; start the container again, reload "
                   "the driver or reboot");
  }
}

void judge_driver(const struct report* report, struct verdict* verdict) {
  const struct driver* driver = &report->driver;
  enum stage_state state = report->stages[STAGE_DRIVER].state;
  if (state == STAGE_SKIPPED) {
    judge_management(report, verdict);
    return;
  }
  bool lost = judge_lost(report, verdict);
  if (state != STAGE_DONE || lost) return;
  if (!driver->loaded) {
    judge_unloadable(report, verdict);
  } else if (driver->init_called && !driver->initialised) {
    if (driver->error != CUDA_ERROR_STUB_LIBRARY && judge_nodes(report, verdict)) return;
    judge_start_error(report, verdict);
  } else if (driver->missing_symbol[0] != '\0') {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "foreign-libcuda",
                               "libcuda.so.1 (%s) has no %s: it is not NVIDIA's driver, or one "
                               "older than CUDA 9",
                               driver->path, driver->missing_symbol),
                   "remove it from the image, or update the host's driver");
  } else if (driver->error != CUDA_SUCCESS) {
    judge_start_error(report, verdict);
  } else if (driver->gpu_count == 0) {
    judge_no_device(report, verdict);
  }
}
