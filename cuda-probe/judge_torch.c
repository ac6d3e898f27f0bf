// What the image's torch did (--deep), and whose fault it is. What the driver's stages have found
// already is the cause; that torch sees no GPU then is a consequence and no finding of its own.
#include <stdio.h>
#include <string.h>

#include "text.h"
#include "verdict.h"

static const char kFresh[] =
    "something changed the image after it was built (pip install?): start a fresh container of it, "
    "or build it again";

static bool mentions(const char* text, const char* part) { return strstr(text, part) != 0; }

static const struct component* promised_torch(const struct report* report) {
  for (int i = 0; i < report->component_count; i++) {
    if (strcmp(report->components[i].name, "torch") == 0) return &report->components[i];
  }
  return 0;
}

// Whether the promise names torch at all; the libraries' stage may have been left out.
static bool torch_is_promised(const struct promise* promise) {
  const struct json* json = &promise->json;
  if (promise->state != PROMISE_PRESENT) return false;
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    const char* name = json_string(json, i, "name");
    if (name != 0 && strcmp(name, "torch") == 0) return true;
  }
  return false;
}

static void judge_python(const struct torch* torch, struct verdict* verdict) {
  if (torch->interpreter[0] == '\0') {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "python-missing",
                               "there is no Python to import torch with: no promise names one, and "
                               "the PATH has no python3"),
                   "leave --deep out for an image without Python, or set the PATH");
  } else if (torch->exec_error != 0) {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "python-missing",
                               "the image's Python %s cannot be started: %s", torch->interpreter,
                               strerror(torch->exec_error)),
                   "%s", kFresh);
  } else {
    finding_advise(
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "python-failed",
                    "the image's Python %s ended with status %d and without a result: %s",
                    torch->interpreter, torch->status,
                    torch->last_words[0] != '\0' ? torch->last_words : "it said nothing"),
        "PYTHONHOME, PYTHONPATH or a sitecustomize module may be the reason; %s", kFresh);
  }
}

static void judge_import(const struct report* report, const struct promise* promise,
                         struct verdict* verdict) {
  const struct torch* torch = &report->torch;
  const char* why = torch->checks[TORCH_IMPORT].detail;
  const struct variable* search = &report->survey.library_path;
  if (mentions(why, "ModuleNotFoundError") && mentions(why, "'torch'") &&
      !torch_is_promised(promise)) {
    finding_advise(
        verdict_note(verdict, SEVERITY_INFO, OWNER_NOBODY, "torch-absent",
                     "%s has no torch, and none is promised: nothing was computed with it",
                     torch->interpreter),
        "leave --deep out");
  } else if (!report->driver.loaded &&
             (mentions(why, "libcuda.so") || mentions(why, "libnvidia-"))) {
    finding_advise(verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "torch-needs-driver",
                               "torch cannot be imported without the driver's libraries: %s", why),
                   "start the container with GPUs: the container runtime brings these files, the "
                   "image must not");
  } else if (search->set && search->value[0] != '\0' &&
             (mentions(why, "undefined symbol") || mentions(why, "version `"))) {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_RUN, "torch-import",
                               "torch cannot be imported: %s", why),
                   "libraries of another CUDA come first: unset LD_LIBRARY_PATH (it is %s)",
                   search->value);
  } else {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "torch-import",
                               "torch cannot be imported: %s", why),
                   "%s", kFresh);
  }
}

static void judge_identity(const struct report* report, const struct promise* promise,
                           struct verdict* verdict) {
  const struct torch* torch = &report->torch;
  const struct json* json = &promise->json;
  if (promise->state != PROMISE_PRESENT) return;
  if (torch->elsewhere) {
    finding_advise(verdict_add(verdict, EXIT_IMAGE, OWNER_RUN, "torch-shadowed",
                               "Python imports another torch than the promised one: %s %s",
                               torch->version, torch->file),
                   "unset PYTHONPATH, and set PYTHONNOUSERSITE=1 if it is below ~/.local");
  }
  const struct component* read = promised_torch(report);
  if (read != 0 && read->state == LIBRARY_MISMATCH) return;  // said already, from the files
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    const char* name = json_string(json, i, "name");
    const char* version = json_string(json, i, "version");
    const char* cuda = json_string(json, i, "cuda");
    if (name == 0 || strcmp(name, "torch") != 0) continue;
    const char* built = torch->cuda[0] != '\0' ? torch->cuda : "none";
    bool agrees = version == 0 || version_agrees(torch->version, version);
    bool cuda_agrees = cuda == 0 || version_agrees(built, cuda);
    if (agrees && cuda_agrees) continue;
    finding_advise(
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE,
                    agrees && strcmp(built, "none") == 0 ? "cpu-build" : "component-mismatch",
                    "torch says of itself that it is %s for CUDA %s; %s for CUDA %s is promised",
                    torch->version, built, version != 0 ? version : "any",
                    cuda != 0 ? cuda : "any"),
        "%s", kFresh);
  }
}

static void judge_available(const struct report* report, struct verdict* verdict) {
  const struct torch* torch = &report->torch;
  const char* why = torch->unavailable_because;
  if (!torch->asked_available || torch->available) return;
  // A GPU that the driver's own stages did not get to work is their finding.
  if (report->stages[STAGE_DRIVER].state != STAGE_SKIPPED &&
      (!report->driver.initialised || report->driver.gpu_count == 0)) {
    return;
  }
  if (torch->cuda[0] == '\0') {
    if (verdict_has(verdict, "cpu-build")) return;
    finding_advise(
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "cpu-build",
                    "torch %s is a build without CUDA: it cannot use the GPU", torch->version),
        "use an image with a CUDA build of torch: a +cuNNN version of PyTorch's own index");
  } else if (mentions(why, "too old")) {
    finding_advise(verdict_add(verdict, EXIT_HOST, OWNER_HOST, "driver-too-old",
                               "torch %s for CUDA %s refuses the host's driver: %s", torch->version,
                               torch->cuda, why),
                   "update the host's driver, or use an image for an older CUDA");
  } else if (report->stages[STAGE_DRIVER].state == STAGE_SKIPPED) {
    finding_advise(
        verdict_add(verdict, EXIT_NO_GPU, OWNER_RUN, "torch-no-gpu",
                    "torch.cuda.is_available() is False%s%s", why[0] != '\0' ? ": " : "", why),
        "run the probe without --only, which looks at the driver and says why");
  } else {
    finding_advise(
        verdict_add(
            verdict, EXIT_IMAGE, OWNER_IMAGE, "torch-no-gpu",
            "the driver works and sees %d GPU%s, but torch.cuda.is_available() is False%s%s",
            report->driver.gpu_count, report->driver.gpu_count == 1 ? "" : "s",
            why[0] != '\0' ? ": " : "", why),
        "libraries of another CUDA may come first (LD_LIBRARY_PATH is %s); %s",
        report->survey.library_path.set ? report->survey.library_path.value : "not set", kFresh);
  }
}

// torch's own list: sm_86, sm_90a, compute_90.
static bool has_code(const char* list, int major, int minor) {
  char words[LINE_SIZE];
  COPY(words, list);
  char* rest = words;
  for (char* word; (word = strsep(&rest, " ")) != 0;) {
    if (text_starts_with(word, "sm_") && architecture_fits(word + 3, false, major, minor))
      return true;
    if (text_starts_with(word, "compute_") && architecture_fits(word + 8, true, major, minor)) {
      return true;
    }
  }
  return false;
}

static void judge_architectures(const struct torch* torch, struct verdict* verdict) {
  if (torch->architectures[0] == '\0' || verdict_has(verdict, "no-code-for-gpu")) return;
  for (int i = 0; i < torch->gpu_count; i++) {
    const struct torch_gpu* gpu = &torch->gpus[i];
    if (gpu->major == 0 || has_code(torch->architectures, gpu->major, gpu->minor)) continue;
    struct finding* finding =
        verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "no-code-for-gpu",
                    "torch %s has no code for this GPU (%s, sm_%d%d): it was built for %s",
                    torch->version, gpu->name, gpu->major, gpu->minor, torch->architectures);
    finding->gpu = i;
    finding_advise(finding,
                   "use an image with a torch that supports this GPU (Blackwell GPUs need "
                   "PyTorch 2.7 with CUDA 12.8 or later)");
  }
}

static const char* work_of(enum torch_item item) {
  static const char* const words[TORCH_ITEM_COUNT] = {
      [TORCH_MATMUL_CPU] = "a 1000 x 1000 matrix product on the CPU",
      [TORCH_LINEAR_CPU] = "a linear layer on the CPU",
      [TORCH_DEVICES] = "listing the GPUs",
      [TORCH_MATMUL] = "a 1000 x 1000 matrix product (cuBLAS)",
      [TORCH_LINEAR] = "a linear layer, forward and backward",
      [TORCH_CONVOLUTION] = "a convolution (cuDNN)",
      [TORCH_ALL_REDUCE] = "an all-reduce over all GPUs (NCCL)"};
  return words[item];
}

static void judge_error(const struct torch_check* check, enum torch_item item,
                        struct verdict* verdict) {
  const char* why = check->detail;
  struct finding* finding;
  if (mentions(why, "out of memory")) {
    finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "gpu-memory-full",
                          "torch found no memory for %s: %s", work_of(item), why);
    finding_advise(finding, "see with nvidia-smi who uses it, and try again when it is free");
  } else if (mentions(why, "no kernel image")) {
    if (verdict_has(verdict, "no-code-for-gpu")) return;
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "no-code-for-gpu",
                          "torch has no code for this GPU: %s", why);
    finding_advise(finding, "use an image with a torch that supports this GPU");
  } else if (mentions(why, "ncorrectable ECC")) {
    finding = verdict_add(verdict, EXIT_HARDWARE, OWNER_HARDWARE, "ecc",
                          "the GPU's memory has an uncorrectable error: %s", why);
    finding_advise(finding,
                   "drain the node, reset the GPU (nvidia-smi --gpu-reset), and replace it "
                   "if it comes back");
  } else if (item == TORCH_ALL_REDUCE) {
    finding = verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "torch-nccl",
                          "each GPU works, but %s failed: %s", work_of(item), why);
    finding_advise(
        finding,
        "give the container a larger /dev/shm (--shm-size=8g, --ipc=host); NCCL_DEBUG=INFO "
        "shows what it tried");
  } else {
    finding = verdict_add(verdict, EXIT_IMAGE, OWNER_IMAGE, "torch-error", "torch failed at %s: %s",
                          work_of(item), why);
    finding_advise(finding,
                   "where the probe's own kernels passed on this GPU, the image's libraries do not "
                   "fit each other or the driver: unset LD_LIBRARY_PATH, start a fresh container");
  }
  finding->gpu = check->gpu;
}

static void judge_wrong(const struct torch_check* check, enum torch_item item,
                        struct verdict* verdict) {
  const bool cpu = item == TORCH_MATMUL_CPU || item == TORCH_LINEAR_CPU;
  struct finding* finding = verdict_add(
      verdict, cpu ? EXIT_CHECK_FAILED : EXIT_HARDWARE, OWNER_HARDWARE, "torch-wrong-result",
      "torch got wrong numbers from %s: %s", work_of(item), check->detail);
  finding->gpu = check->gpu;
  finding_advise(finding,
                 "repeat it on another %s: wrong there as well, it is the image's libraries; "
                 "right there, take this one out of use",
                 cpu ? "machine" : "GPU");
}

void judge_torch(const struct report* report, const struct promise* promise,
                 struct verdict* verdict) {
  const struct torch* torch = &report->torch;
  if (report->stages[STAGE_TORCH].state != STAGE_DONE) return;
  if (!torch->finished) {
    judge_python(torch, verdict);
    return;
  }
  if (torch->checks[TORCH_IMPORT].state != TORCH_PASSED) {
    judge_import(report, promise, verdict);
    return;
  }
  judge_identity(report, promise, verdict);
  judge_available(report, verdict);
  judge_architectures(torch, verdict);
  for (int i = TORCH_MATMUL_CPU; i < TORCH_ITEM_COUNT; i++) {
    const struct torch_check* check = &torch->checks[i];
    if (check->state == TORCH_ERROR) judge_error(check, (enum torch_item)i, verdict);
    if (check->state == TORCH_WRONG) judge_wrong(check, (enum torch_item)i, verdict);
  }
}
