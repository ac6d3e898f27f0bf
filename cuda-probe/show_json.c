#include "cuda_api.h"
#include "emit.h"
#include "require.h"
#include "requirements.h"
#include "show.h"
#include "show_torch.h"
#include "text.h"

static void emit_finding(struct emitter* e, const char* name, const struct finding* finding) {
  emit_open(e, name, '{');
  emit_text(e, "severity", severity_word(finding->severity));
  emit_text(e, "cause", finding->cause);
  emit_text(e, "owner", owner_word(finding->owner));
  emit_integer(e, "exit_code", finding->exit_code);
  if (finding->gpu >= 0) {
    emit_integer(e, "gpu", finding->gpu);
  } else {
    emit_null(e, "gpu");
  }
  emit_text(e, "sentence", finding->sentence);
  emit_known(e, "advice", finding->advice);
  emit_close(e);
}

static void emit_verdict(struct emitter* e, const struct report* report,
                         const struct verdict* verdict) {
  emit_open(e, "verdict", '{');
  const char* status = verdict->exit_code != EXIT_OK && verdict->exit_code != EXIT_NO_GPU ? "failed"
                       : verdict->no_gpu                                                  ? "no-gpu"
                                                                                          : "ok";
  emit_text(e, "status", status);
  emit_integer(e, "exit_code", verdict->exit_code);
  if (verdict->deciding >= 0) {
    emit_integer(e, "finding", verdict->deciding);
    emit_text(e, "cause", verdict->findings[verdict->deciding].cause);
    emit_text(e, "owner", owner_word(verdict->findings[verdict->deciding].owner));
    emit_text(e, "sentence", verdict->findings[verdict->deciding].sentence);
    emit_known(e, "advice", verdict->findings[verdict->deciding].advice);
  } else {
    emit_null(e, "finding");
    emit_text(e, "cause", verdict->no_gpu ? "no-gpu-allowed" : "ok");
    emit_text(e, "owner", owner_word(OWNER_NOBODY));
    emit_text(e, "sentence", verdict_all_well(report, verdict));
    emit_null(e, "advice");
  }
  emit_close(e);
  emit_open(e, "findings", '[');
  for (int i = 0; i < verdict->count; i++) emit_finding(e, 0, &verdict->findings[i]);
  emit_close(e);
}

static void emit_promise(struct emitter* e, const struct promise* promise) {
  static const char* const states[] = {"present", "absent", "invalid"};
  emit_open(e, "image", '{');
  emit_text(e, "promise", states[promise->state]);
  emit_text(e, "path", promise->path);
  emit_known(e, "error", promise->error);
  emit_text(e, "name", promise->image);
  emit_text(e, "tag", promise->tag);
  emit_text(e, "build", promise->build);
  emit_text(e, "platform", promise->platform);
  emit_text(e, "driver_min", promise->driver_min);
  emit_text(e, "cuda_driver_min", promise->cuda_driver_min);
  emit_close(e);
}

static void emit_node(struct emitter* e, const struct node* node) {
  if (node->name[0] == '\0') return;
  emit_open(e, 0, '{');
  emit_text(e, "name", node->name);
  emit_integer(e, "errno", node->error);
  emit_text(e, "tried", node->opened ? "open" : "access");
  emit_close(e);
}

static void emit_variable(struct emitter* e, const char* name, const struct variable* variable) {
  emit_text(e, name, variable->set ? variable->value : 0);
}

static void emit_survey(struct emitter* e, const struct survey* survey) {
  emit_open(e, "container", '{');
  emit_known(e, "glibc", survey->libc);
  emit_bool(e, "host_driver_loaded", survey->host_driver);
  emit_known(e, "kernel_driver", survey->kernel_driver);
  emit_integer(e, "kernel_gpus", survey->kernel_gpus);
  emit_bool(e, "wsl", survey->dxg);
  if (survey->shm) {
    emit_integer(e, "shm_bytes", (int64_t)survey->shm_bytes);
  } else {
    emit_null(e, "shm_bytes");
  }
  emit_open(e, "nodes", '[');
  emit_node(e, &survey->control);
  emit_node(e, &survey->uvm);
  for (int i = 0; i < survey->gpu_count && i < MAX_GPUS; i++) emit_node(e, &survey->gpus[i]);
  emit_close(e);
  emit_open(e, "environment", '{');
  emit_variable(e, "NVIDIA_VISIBLE_DEVICES", &survey->visible_devices);
  emit_variable(e, "NVIDIA_DRIVER_CAPABILITIES", &survey->capabilities);
  emit_variable(e, "NVIDIA_DISABLE_REQUIRE", &survey->disable_require);
  emit_variable(e, "CUDA_VISIBLE_DEVICES", &survey->cuda_visible_devices);
  emit_variable(e, "LD_LIBRARY_PATH", &survey->library_path);
  emit_close(e);
  emit_close(e);
}

static void emit_cuda_version(struct emitter* e, const char* name, int version) {
  char text[32];
  FORMAT(text, "%d.%d", version / 1000, version % 1000 / 10);
  emit_text(e, name, version > 0 ? text : 0);
}

static void emit_nvml_gpu(struct emitter* e, const struct nvml_gpu* gpu) {
  emit_open(e, 0, '{');
  emit_integer(e, "error", gpu->error);
  emit_known(e, "name", gpu->name);
  emit_known(e, "uuid", gpu->uuid);
  emit_known(e, "brand", gpu->brand);
  emit_integer(e, "memory_bytes", (int64_t)gpu->memory_total);
  emit_integer(e, "memory_used_bytes", (int64_t)gpu->memory_used);
  if (gpu->mig_known) emit_bool(e, "mig", gpu->mig);
  if (gpu->compute_mode_known) emit_integer(e, "compute_mode", gpu->compute_mode);
  if (gpu->ecc_known) emit_bool(e, "ecc", gpu->ecc);
  if (gpu->ecc_errors_known) emit_integer(e, "ecc_uncorrected", (int64_t)gpu->ecc_errors);
  if (gpu->rows_known) {
    emit_open(e, "remapped_rows", '{');
    emit_integer(e, "corrected", gpu->rows_corrected);
    emit_integer(e, "uncorrected", gpu->rows_uncorrected);
    emit_bool(e, "pending", gpu->rows_pending);
    emit_bool(e, "failed", gpu->rows_failed);
    emit_close(e);
  }
  if (gpu->temperature_known) emit_integer(e, "temperature_c", gpu->temperature);
  emit_open(e, "pcie", '{');
  emit_integer(e, "generation", gpu->pcie_generation);
  emit_integer(e, "width", gpu->pcie_width);
  emit_integer(e, "max_generation", gpu->pcie_max_generation);
  emit_integer(e, "max_width", gpu->pcie_max_width);
  emit_close(e);
  emit_close(e);
}

static void emit_nvml(struct emitter* e, const struct nvml* nvml) {
  emit_open(e, "nvml", '{');
  emit_bool(e, "loaded", nvml->loaded);
  emit_known(e, "path", nvml->path);
  emit_known(e, "load_error", nvml->load_error);
  emit_integer(e, "error", nvml->error);
  emit_text(e, "error_name", nvml->loaded ? nvml_error_name(nvml->error) : 0);
  emit_known(e, "driver", nvml->driver);
  emit_cuda_version(e, "cuda", nvml->cuda);
  emit_open(e, "gpus", '[');
  for (int i = 0; i < nvml->gpu_count && i < MAX_GPUS; i++) emit_nvml_gpu(e, &nvml->gpus[i]);
  emit_close(e);
  emit_close(e);
}

static void emit_compute(struct emitter* e, const struct compute* compute) {
  static const char* const states[] = {"not-run", "passed", "failed"};
  emit_open(e, "compute", '{');
  emit_text(e, "load", states[compute->load]);
  emit_text(e, "memory", states[compute->memory]);
  emit_text(e, "matmul", states[compute->matmul]);
  emit_text(e, "transfer", states[compute->transfer]);
  emit_text(e, "tensor", states[compute->tensor]);
  emit_known(e, "failed_call", compute->call);
  emit_integer(e, "error", compute->error);
  emit_text(e, "error_name", compute->error != 0 ? cuda_error_name(compute->error) : 0);
  emit_known(e, "jit_log", compute->jit_log);
  emit_integer(e, "memory_free_bytes", (int64_t)compute->memory_free);
  emit_integer(e, "memory_checked_bytes", (int64_t)compute->memory_bytes);
  emit_integer(e, "wrong_words", (int64_t)compute->wrong_words);
  emit_integer(e, "wrong_products", (int64_t)compute->wrong_products);
  emit_integer(e, "wrong_tensor_products", (int64_t)compute->wrong_tensor_products);
  emit_bool(e, "checker_blind", compute->checker_blind);
  emit_decimal(e, "host_to_device_gb_s", compute->host_to_device);
  emit_decimal(e, "device_to_host_gb_s", compute->device_to_host);
  emit_decimal(e, "device_memory_gb_s", compute->device_to_device);
  emit_decimal(e, "load_ms", compute->load_seconds * 1e3);
  emit_decimal(e, "ms", compute->seconds * 1e3);
  emit_close(e);
}

static void emit_driver(struct emitter* e, const struct driver* driver) {
  emit_open(e, "driver", '{');
  emit_bool(e, "loaded", driver->loaded);
  emit_known(e, "path", driver->path);
  emit_known(e, "load_error", driver->load_error);
  emit_known(e, "missing_symbol", driver->missing_symbol);
  emit_bool(e, "initialised", driver->initialised);
  emit_known(e, "failed_call", driver->call);
  emit_integer(e, "error", driver->error);
  emit_text(e, "error_name", driver->error != 0 ? cuda_error_name(driver->error) : 0);
  emit_cuda_version(e, "cuda", driver->version);
  emit_integer(e, "gpu_count", driver->gpu_count);
  emit_close(e);
  emit_open(e, "gpus", '[');
  for (int i = 0; i < driver->gpu_count && i < MAX_GPUS; i++) {
    const struct gpu* gpu = &driver->gpus[i];
    char capability[32];
    FORMAT(capability, "%d.%d", gpu->major, gpu->minor);
    emit_open(e, 0, '{');
    emit_integer(e, "index", i);
    emit_known(e, "name", gpu->name);
    emit_known(e, "uuid", gpu->uuid);
    emit_known(e, "pci", gpu->pci);
    emit_text(e, "compute_capability", capability);
    emit_integer(e, "multiprocessors", gpu->multiprocessors);
    emit_integer(e, "memory_bytes", (int64_t)gpu->memory);
    emit_compute(e, &gpu->compute);
    emit_close(e);
  }
  emit_close(e);
}

static const char* library_word(enum library_state state) {
  static const char* const words[] = {"unchecked", "ok",         "missing",
                                      "mismatch",  "unloadable", "shadowed"};
  return words[state];
}

static void emit_software(struct emitter* e, const struct report* report) {
  emit_open(e, "components", '[');
  for (int i = 0; i < report->component_count; i++) {
    const struct component* component = &report->components[i];
    emit_open(e, 0, '{');
    emit_text(e, "name", component->name);
    emit_text(e, "state", library_word(component->state));
    emit_known(e, "promised", component->promised);
    emit_known(e, "found", component->found);
    emit_known(e, "promised_cuda", component->promised_cuda);
    emit_known(e, "found_cuda", component->found_cuda);
    emit_known(e, "source", component->source);
    emit_close(e);
  }
  emit_close(e);
  emit_open(e, "libraries", '[');
  for (int i = 0; i < report->library_count; i++) {
    const struct library* library = &report->libraries[i];
    emit_open(e, 0, '{');
    emit_text(e, "soname", library->name);
    emit_text(e, "path", library->path);
    emit_text(e, "state", library_word(library->state));
    emit_known(e, "promised", library->promised);
    emit_known(e, "found", library->found);
    emit_known(e, "detail", library->detail);
    emit_close(e);
  }
  emit_close(e);
}

static void emit_requirements(struct emitter* e, const struct report* report) {
  static const char* const results[] = {"met", "unmet", "unknown", "invalid"};
  emit_open(e, "requirements", '[');
  for (int i = 0; i < report->requirement_count; i++) {
    emit_open(e, 0, '{');
    emit_text(e, "name", report->requirements[i].name);
    emit_text(e, "value", report->requirements[i].value);
    emit_text(e, "result", results[report->requirements[i].result]);
    emit_close(e);
  }
  emit_close(e);
}

static void emit_stages(struct emitter* e, const struct report* report) {
  static const char* const states[] = {"skipped", "running", "done", "crashed", "timed-out"};
  emit_open(e, "stages", '[');
  for (int i = 0; i < STAGE_COUNT; i++) {
    const struct stage_result* result = &report->stages[i];
    emit_open(e, 0, '{');
    emit_text(e, "name", stage_name((enum stage)i));
    emit_text(e, "state", states[result->state]);
    if (result->signal != 0) emit_integer(e, "signal", result->signal);
    emit_known(e, "last_step", result->step);
    emit_decimal(e, "ms", result->seconds * 1e3);
    emit_close(e);
  }
  emit_close(e);
}

void show_json(FILE* stream, const struct report* report, const struct promise* promise,
               const struct verdict* verdict) {
  struct emitter e;
  emit_begin(&e, stream);
  emit_open(&e, 0, '{');
  emit_integer(&e, "probe", REPORT_VERSION);
  emit_text(&e, "program", "imgforge-probe " PROBE_VERSION);
  emit_verdict(&e, report, verdict);
  emit_promise(&e, promise);
  emit_survey(&e, &report->survey);
  emit_nvml(&e, &report->nvml);
  emit_driver(&e, &report->driver);
  emit_requirements(&e, report);
  emit_software(&e, report);
  emit_determinism(&e, &report->determinism);
  emit_torch(&e, report);
  emit_wait(&e, &report->wait);
  emit_stages(&e, report);
  emit_finish(&e);
}
