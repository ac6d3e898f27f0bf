// Whether each GPU works, and whether the image has code for it.
#include <stdio.h>
#include <string.h>

#include "compute.h"
#include "cuda_api.h"
#include "requirements.h"
#include "text.h"
#include "verdict.h"

static void judge_load(const struct compute* compute, int gpu, struct verdict* verdict) {
  struct finding* finding;
  // The first module was compiled: what the driver refuses is the tensor cores' alone.
  bool tensor = compute->load == CHECK_PASSED;
  switch (compute->error) {
    case CUDA_ERROR_JIT_COMPILER_NOT_FOUND:
      finding = verdict_add(verdict, EXIT_HOST, OWNER_HOST, "no-jit-compiler",
                            "the driver's PTX compiler is not in the container "
                            "(libnvidia-ptxjitcompiler.so.1)");
      finding_advise(finding,
                     "set NVIDIA_DRIVER_CAPABILITIES=compute,utility; if it is set, update "
                     "nvidia-container-toolkit on the host: it is older than the driver");
      break;
    case CUDA_ERROR_UNSUPPORTED_PTX_VERSION:
      finding = verdict_add(verdict, EXIT_HOST, OWNER_HOST, "ptx-too-new",
                            "the driver refuses PTX 6.0 (%s): it is older than R384, or its parts "
                            "do not belong together",
                            cuda_error_name(compute->error));
      finding_advise(finding, "update the host's driver");
      break;
    case CUDA_ERROR_JIT_COMPILATION_DISABLED:
      finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "jit-disabled",
                            "compiling PTX is switched off in this container (%s)",
                            cuda_error_name(compute->error));
      finding_advise(finding, "unset CUDA_DISABLE_PTX_JIT");
      break;
    case CUDA_ERROR_NO_BINARY_FOR_GPU:
    case CUDA_ERROR_INVALID_PTX:
      if (tensor) {
        finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_HOST, "compute-error",
                              "the driver makes no code for this GPU's tensor cores out of the "
                              "probe's kernel (%s)",
                              cuda_error_name(compute->error));
        finding_advise(finding, "%s",
                       compute->jit_log[0] != '\0' ? compute->jit_log : "update the host's driver");
        break;
      }
      finding =
          verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_HOST, "gpu-too-old",
                      "the driver makes no code for this GPU out of the probe's kernels (%s); "
                      "the probe needs compute capability 6.0",
                      cuda_error_name(compute->error));
      finding_advise(finding, "%s",
                     compute->jit_log[0] != '\0' ? compute->jit_log : "use --skip compute");
      break;
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
      finding = verdict_add(verdict, EXIT_HOST, OWNER_HOST, "gpu-busy",
                            "the GPU is in use by another process or closed to computing (compute "
                            "mode exclusive or prohibited)");
      finding_advise(finding, "end the other process, or on the host: nvidia-smi -c DEFAULT");
      break;
    case CUDA_ERROR_OUT_OF_MEMORY:
      finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "gpu-memory-full",
                            "the GPU has no memory left for a check (%s)", compute->call);
      finding_advise(finding, "see with nvidia-smi who uses it, and try again when it is free");
      break;
    case CUDA_ERROR_ECC_UNCORRECTABLE:
      finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "ecc",
                            "the GPU's memory has an uncorrectable error (%s in %s)",
                            cuda_error_name(compute->error), compute->call);
      finding_advise(finding,
                     "drain the node, reset the GPU (nvidia-smi --gpu-reset), and replace "
                     "it if it comes back");
      break;
    default:
      finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_HARDWARE, "compute-error",
                            "the GPU did not do a simple piece of work: %s answers %s (%d)",
                            compute->call, cuda_error_name(compute->error), compute->error);
      finding_advise(finding, "look for \"Xid\" in the host's dmesg; reset the GPU and try again");
      break;
  }
  finding->gpu = gpu;
}

static void judge_data(const struct compute* compute, int gpu, struct verdict* verdict) {
  static const char advice[] =
      "take the GPU out of use: drain the node, run dcgmi diag -r 3 on the host, and replace it if "
      "that fails too";
  struct finding* finding = 0;
  if (compute->wrong_words > 0) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "wrong-data",
                          "the GPU stored wrong data: %llu words differ, the first at byte %llu, "
                          "bits 0x%08llx",
                          (unsigned long long)compute->wrong_words,
                          (unsigned long long)compute->first_wrong * 4,
                          (unsigned long long)compute->wrong_bits);
  } else if (compute->checker_blind) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "wrong-data",
                          "the GPU did not see a wrong word that was put into its memory: its "
                          "comparisons cannot be trusted");
  } else if (compute->wrong_products > 0) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "wrong-result",
                          "the GPU computed wrong numbers: %llu of %d elements of an exact "
                          "matrix product differ",
                          (unsigned long long)compute->wrong_products, MATRIX * MATRIX);
  } else if (compute->wrong_tensor_products > 0) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "tensor-wrong-result",
                          "the GPU's tensor cores computed wrong numbers: %llu of %d elements of "
                          "two exact matrix products differ%s",
                          (unsigned long long)compute->wrong_tensor_products,
                          2 * TENSOR_MATRIX * TENSOR_MATRIX,
                          compute->matmul == CHECK_PASSED ? "; its other product is right" : "");
  }
  if (finding == 0) return;
  finding->gpu = gpu;
  finding_advise(finding, advice);
}

// "86" is 8.6, "120" is 12.0. What has an "a" behind it runs on exactly that GPU, anything else on
// later ones of the same major, and PTX on every later one.
bool architecture_fits(const char* entry, bool ptx, int major, int minor) {
  char digits[8];
  size_t length = strspn(entry, "0123456789");
  unsigned long number;
  if (length == 0 || length >= sizeof digits) return false;
  FORMAT(digits, "%.*s", (int)length, entry);
  if (!text_to_number(digits, 9999, &number)) return false;
  int entry_major = (int)(number / 10), entry_minor = (int)(number % 10);
  if (entry[length] == 'a') return entry_major == major && entry_minor == minor;
  if (ptx) return entry_major < major || (entry_major == major && entry_minor <= minor);
  return entry_major == major && entry_minor <= minor;
}

static void judge_fit(const struct promise* promise, const struct gpu* gpu, int index,
                      struct verdict* verdict) {
  const struct json* json = &promise->json;
  char list[LINE_SIZE] = "";
  size_t used = 0;
  if (promise->sm < 0 || gpu->major == 0) return;
  for (int i = json_first(json, promise->sm); i >= 0; i = json_next(json, i)) {
    const char* entry = json->nodes[i].text;
    if (architecture_fits(entry, false, gpu->major, gpu->minor)) return;
    if (used < sizeof list - 16) {
      used += (size_t)snprintf(list + used, sizeof list - used, "%ssm_%.8s", used > 0 ? " " : "",
                               entry);
    }
  }
  for (int i = json_first(json, promise->ptx); i >= 0; i = json_next(json, i)) {
    if (architecture_fits(json->nodes[i].text, true, gpu->major, gpu->minor)) return;
  }
  struct finding* finding =
      verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "no-code-for-gpu",
                  "the image has no code for this GPU (%s, sm_%d%d): it was built for %s",
                  gpu->name, gpu->major, gpu->minor, list[0] != '\0' ? list : "no GPU at all");
  finding->gpu = index;
  finding_advise(finding,
                 gpu->major >= 10
                     ? "use an image with a newer PyTorch and CUDA (Blackwell GPUs need "
                       "PyTorch 2.7 with CUDA 12.8 or later)"
                     : "use an image whose PyTorch and CUDA still, or already, support this "
                       "GPU");
}

static void judge_health(const struct nvml_gpu* nvml, int index, struct verdict* verdict) {
  struct finding* finding = 0;
  if (nvml->rows_known && nvml->rows_failed) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "row-remapping-failed",
                          "the GPU's memory has more bad rows than it can replace");
    finding_advise(finding, "replace the GPU");
  } else if (nvml->rows_known && nvml->rows_pending) {
    finding = verdict_note(verdict, SEVERITY_WARNING, OWNER_HARDWARE, "row-remapping-pending",
                           "bad memory rows of the GPU wait for a reset to be replaced");
    finding_advise(finding, "drain the node and reset the GPU: nvidia-smi --gpu-reset");
  } else if (nvml->ecc_errors_known && nvml->ecc_errors > 0) {
    finding = verdict_note(verdict, SEVERITY_WARNING, OWNER_HARDWARE, "ecc-errors",
                           "%llu uncorrected memory errors since the driver was loaded",
                           (unsigned long long)nvml->ecc_errors);
    finding_advise(finding, "drain the node and reset the GPU; replace it if they come back");
  }
  if (finding != 0) finding->gpu = index;
}

void judge_gpus(const struct report* report, const struct promise* promise,
                struct verdict* verdict) {
  const struct driver* driver = &report->driver;
  for (int i = 0; i < driver->gpu_count && i < MAX_GPUS; i++) {
    const struct gpu* gpu = &driver->gpus[i];
    if (gpu->compute.error != CUDA_SUCCESS) judge_load(&gpu->compute, i, verdict);
    judge_data(&gpu->compute, i, verdict);
    if (promise->state == PROMISE_PRESENT) judge_fit(promise, gpu, i, verdict);
    const struct nvml_gpu* nvml = report_nvml_gpu(report, i);
    if (nvml != 0) judge_health(nvml, i, verdict);
  }
  bool mig = false;
  for (int i = 0; i < report->nvml.gpu_count; i++) mig = mig || report->nvml.gpus[i].mig;
  if (driver->gpu_count > 0 && report->nvml.gpu_count > driver->gpu_count && !mig) {
    finding_advise(
        verdict_note(verdict, SEVERITY_WARNING, OWNER_RUN, "gpus-hidden",
                     "CUDA sees %d of the %d GPUs in the container%s%s", driver->gpu_count,
                     report->nvml.gpu_count,
                     report->survey.cuda_visible_devices.set ? ": CUDA_VISIBLE_DEVICES=" : "",
                     report->survey.cuda_visible_devices.set
                         ? report->survey.cuda_visible_devices.value
                         : ""),
        "if all of them are meant: unset CUDA_VISIBLE_DEVICES");
  }
}
