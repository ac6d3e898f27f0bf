#include <stdarg.h>
#include <string.h>

#include "compute.h"
#include "cuda_api.h"
#include "requirements.h"
#include "show.h"
#include "show_torch.h"
#include "text.h"

enum mark { MARK_OK, MARK_FAIL, MARK_WARN, MARK_NONE };

struct sheet {
  FILE* stream;
  const struct style* style;
};

// One line of the table: mark, what, and what is known of it. Control characters in the facts (they
// come from files and libraries) do not reach the terminal.
static void row(const struct sheet* sheet, enum mark mark, const char* what, const char* format,
                ...) __attribute__((format(printf, 4, 5)));

static void put_clean(FILE* stream, const char* text) {
  for (; *text != '\0'; text++) {
    unsigned char c = (unsigned char)*text;
    fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
  }
}

static void put_mark(const struct sheet* sheet, enum mark mark) {
  static const char* const ascii[] = {"ok  ", "FAIL", "warn", "-   "};
  static const char* const unicode[] = {"\u2714   ", "\u2718   ", "!   ", "\u2013   "};
  static const char* const colours[] = {"\033[32m", "\033[1;31m", "\033[33m", "\033[2m"};
  const char* text = sheet->style->unicode ? unicode[mark] : ascii[mark];
  if (sheet->style->colour) {
    fprintf(sheet->stream, "%s%s\033[0m", colours[mark], text);
  } else {
    fputs(text, sheet->stream);
  }
}

static void row(const struct sheet* sheet, enum mark mark, const char* what, const char* format,
                ...) {
  char text[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  fputs("  ", sheet->stream);
  put_mark(sheet, mark);
  fprintf(sheet->stream, " %-12s ", what);
  put_clean(sheet->stream, text);
  fputc('\n', sheet->stream);
}

static const char* or_unknown(const char* text) { return text[0] != '\0' ? text : "unknown"; }

static void show_image(const struct sheet* sheet, const struct promise* promise) {
  switch (promise->state) {
    case PROMISE_PRESENT:
      row(sheet, MARK_OK, "image", "%s %s", promise->image != 0 ? promise->image : "(no name)",
          promise->tag != 0 ? promise->tag : "(no tag)");
      break;
    case PROMISE_ABSENT:
      row(sheet, MARK_NONE, "image", "no promise at %s", promise->path);
      break;
    case PROMISE_INVALID:
      row(sheet, MARK_FAIL, "image", "%s: %s", promise->path, promise->error);
      break;
  }
}

// Where no GPU is allowed, its absence is no failure in the table either.
static void show_driver(const struct sheet* sheet, const struct report* report, bool forgiven) {
  const enum mark fail = forgiven ? MARK_NONE : MARK_FAIL;
  const struct survey* survey = &report->survey;
  const struct driver* driver = &report->driver;
  const struct nvml* nvml = &report->nvml;
  row(sheet, survey->gpu_count > 0 || survey->dxg ? MARK_OK : fail, "devices",
      "%d in /dev; kernel driver %s", survey->gpu_count,
      survey->host_driver ? or_unknown(survey->kernel_driver) : "not loaded");
  if (nvml->initialised) {
    row(sheet, nvml->error == 0 ? MARK_OK : fail, "NVML", "driver %s, %d GPU%s",
        or_unknown(nvml->driver), nvml->gpu_count, nvml->gpu_count == 1 ? "" : "s");
  } else if (report->stages[STAGE_NVML].state != STAGE_SKIPPED) {
    row(sheet, nvml->loaded ? fail : MARK_NONE, "NVML", "%s",
        nvml->loaded ? nvml_error_name(nvml->error) : "libnvidia-ml.so.1 not found");
  }
  if (driver->initialised && driver->error == 0) {
    row(sheet, driver->gpu_count > 0 ? MARK_OK : fail, "CUDA", "%d.%d, %d GPU%s, %s",
        driver->version / 1000, driver->version % 1000 / 10, driver->gpu_count,
        driver->gpu_count == 1 ? "" : "s", driver->path);
  } else if (driver->loaded) {
    row(sheet, fail, "CUDA", "%s: %s", driver->path,
        driver->error != 0 ? cuda_error_name(driver->error) : report->stages[STAGE_DRIVER].step);
  } else if (report->stages[STAGE_DRIVER].state != STAGE_SKIPPED) {
    row(sheet, fail, "CUDA", "%s",
        driver->load_error[0] != '\0' ? driver->load_error : report->stages[STAGE_DRIVER].step);
  }
}

static enum mark check_mark(enum check_state state) {
  return state == CHECK_PASSED ? MARK_OK : state == CHECK_FAILED ? MARK_FAIL : MARK_NONE;
}

static void show_gpu(const struct sheet* sheet, const struct report* report, int index) {
  const struct gpu* gpu = &report->driver.gpus[index];
  const struct compute* compute = &gpu->compute;
  char what[32];
  FORMAT(what, "GPU %d", index);
  row(sheet, MARK_OK, what, "%s, compute capability %d.%d, %.1f GiB", or_unknown(gpu->name),
      gpu->major, gpu->minor, (double)gpu->memory / (1 << 30));
  if (report->stages[STAGE_COMPUTE].state == STAGE_SKIPPED) return;
  if (compute->load != CHECK_PASSED || compute->error != 0) {
    row(sheet, compute->load == CHECK_NOT_RUN ? MARK_NONE : MARK_FAIL, "  kernels", "%s%s%s",
        compute->error != 0 ? compute->call : "not run", compute->error != 0 ? ": " : "",
        compute->error != 0 ? cuda_error_name(compute->error) : "");
    if (compute->load != CHECK_PASSED) return;
  }
  row(sheet, check_mark(compute->memory), "  memory", "%llu MiB written and checked",
      (unsigned long long)(compute->memory_bytes >> 20));
  row(sheet, check_mark(compute->matmul), "  matmul", "%d x %d, exact", MATRIX, MATRIX);
  if (compute->tensor != CHECK_NOT_RUN) {
    row(sheet, check_mark(compute->tensor), "  tensor", "%d x %d on tensor cores, exact",
        TENSOR_MATRIX, TENSOR_MATRIX);
  } else {
    row(sheet, MARK_NONE, "  tensor", "not run%s",
        gpu->major < TENSOR_CAPABILITY ? ": no tensor cores before compute capability 7.0" : "");
  }
  row(sheet, check_mark(compute->transfer), "  copies",
      "to the GPU %.1f GB/s, back %.1f GB/s, GPU memory %.0f GB/s", compute->host_to_device,
      compute->device_to_host, compute->device_to_device);
}

static enum mark library_mark(enum library_state state) {
  return state == LIBRARY_OK ? MARK_OK : state == LIBRARY_UNCHECKED ? MARK_NONE : MARK_FAIL;
}

static void show_software(const struct sheet* sheet, const struct report* report) {
  static const char* const words[] = {
      "not checked", "ok", "not there", "another version", "cannot be loaded", "shadowed by"};
  for (int i = 0; i < report->component_count; i++) {
    const struct component* component = &report->components[i];
    row(sheet, library_mark(component->state), component->name, "%s%s%s%s%s%s%s",
        component->found[0] != '\0' ? component->found : words[component->state],
        component->found_cuda[0] != '\0' ? ", CUDA " : "", component->found_cuda,
        component->state == LIBRARY_OK ? "" : "; promised: ",
        component->state == LIBRARY_OK ? "" : component->promised,
        component->state != LIBRARY_OK && component->promised_cuda[0] != '\0' ? ", CUDA " : "",
        component->state != LIBRARY_OK ? component->promised_cuda : "");
  }
  for (int i = 0; i < report->library_count; i++) {
    const struct library* library = &report->libraries[i];
    if (library->state == LIBRARY_OK) {
      row(sheet, MARK_OK, library->name, "%s", or_unknown(library->found));
    } else {
      row(sheet, library_mark(library->state), library->name, "%s %s", words[library->state],
          library->detail[0] != '\0' ? library->detail : library->path);
    }
  }
}

static enum mark torch_mark(enum torch_state state) {
  return state == TORCH_PASSED ? MARK_OK : state == TORCH_NOT_RUN ? MARK_NONE : MARK_FAIL;
}

static void show_determinism(const struct sheet* sheet, const struct determinism* determinism) {
  if (!determinism->promised) return;
  const bool active = determinism_active(determinism);
  row(sheet, active ? MARK_OK : MARK_WARN, "determinism", "%s",
      active ? "the environment is as promised" : "the environment is not as promised");
}

static void show_deep(const struct sheet* sheet, const struct report* report) {
  static const char* const what[TORCH_ITEM_COUNT] = {
      [TORCH_MATMUL_CPU] = "  CPU matmul", [TORCH_LINEAR_CPU] = "  CPU layer",
      [TORCH_DEVICES] = "  GPUs",          [TORCH_MATMUL] = "  matmul",
      [TORCH_LINEAR] = "  layer",          [TORCH_CONVOLUTION] = "  cuDNN",
      [TORCH_ALL_REDUCE] = "  NCCL"};
  const struct torch* torch = &report->torch;
  if (report->stages[STAGE_TORCH].state == STAGE_SKIPPED) return;
  if (torch->checks[TORCH_IMPORT].state != TORCH_PASSED) {
    row(sheet, MARK_FAIL, "import torch", "%s",
        torch->checks[TORCH_IMPORT].detail[0] != '\0' ? torch->checks[TORCH_IMPORT].detail
                                                      : report->stages[STAGE_TORCH].step);
    return;
  }
  row(sheet, MARK_OK, "import torch", "%s, CUDA %s, cuDNN %s, NCCL %s; Python %s", torch->version,
      torch->cuda[0] != '\0' ? torch->cuda : "none", or_unknown(torch->cudnn),
      or_unknown(torch->nccl), or_unknown(torch->python));
  for (int i = TORCH_MATMUL_CPU; i < TORCH_ITEM_COUNT; i++) {
    const struct torch_check* check = &torch->checks[i];
    if (i == TORCH_DEVICES && check->state == TORCH_NOT_RUN) {
      if (!torch->asked_available) continue;
      row(sheet, MARK_NONE, what[i], "torch sees no GPU; not run: matmul, layer, cuDNN, NCCL");
      return;
    }
    if (i == TORCH_ALL_REDUCE && torch->gpu_count < 2) {
      row(sheet, MARK_NONE, what[i], "not run: it takes two GPUs");
      continue;
    }
    row(sheet, torch_mark(check->state), what[i], "%s",
        check->state == TORCH_PASSED    ? "right"
        : check->state == TORCH_NOT_RUN ? "not run"
                                        : check->detail);
  }
}

// The findings beside the verdict: mark and sentence, the advice below.
static void show_findings(const struct sheet* sheet, const struct verdict* verdict) {
  static const enum mark marks[] = {MARK_NONE, MARK_WARN, MARK_FAIL};
  for (int i = 0; i < verdict->count; i++) {
    const struct finding* finding = &verdict->findings[i];
    if (i == verdict->deciding) continue;
    fputs("  ", sheet->stream);
    put_mark(sheet, marks[finding->severity]);
    if (finding->gpu >= 0) fprintf(sheet->stream, " GPU %d:", finding->gpu);
    fputc(' ', sheet->stream);
    put_clean(sheet->stream, finding->sentence);
    fprintf(sheet->stream, " (%s)\n", finding->cause);
    if (finding->advice[0] == '\0') continue;
    fputs("       ", sheet->stream);
    put_clean(sheet->stream, finding->advice);
    fputc('\n', sheet->stream);
  }
}

static void put_label(const struct sheet* sheet, const char* colour, const char* label) {
  fprintf(sheet->stream, "%s%-8s%s", sheet->style->colour ? colour : "", label,
          sheet->style->colour ? "\033[0m" : "");
}

static void put_line(const struct sheet* sheet, const char* colour, const char* label,
                     const char* text) {
  put_label(sheet, colour, label);
  put_clean(sheet->stream, text);
  fputc('\n', sheet->stream);
}

void show_text(FILE* stream, const struct style* style, const struct report* report,
               const struct promise* promise, const struct verdict* verdict) {
  const struct sheet sheet = {stream, style};
  show_image(&sheet, promise);
  show_driver(&sheet, report, verdict->no_gpu && verdict->exit_code == EXIT_OK);
  for (int i = 0; i < report->driver.gpu_count && i < MAX_GPUS; i++) show_gpu(&sheet, report, i);
  show_software(&sheet, report);
  show_determinism(&sheet, &report->determinism);
  show_deep(&sheet, report);
  if (report->wait.limit > 0) {
    row(&sheet, report->wait.missing[0] == '\0' ? MARK_OK : MARK_FAIL, "wait", "%.1f of %.0f s%s%s",
        report->wait.seconds, report->wait.limit, report->wait.missing[0] != '\0' ? ": " : "",
        report->wait.missing);
  }
  if (verdict->count > (verdict->deciding >= 0)) {
    fputc('\n', stream);
    show_findings(&sheet, verdict);
  }
  fputc('\n', stream);
  if (verdict->deciding < 0) {
    put_line(&sheet, "\033[1;32m", "OK", verdict_all_well(report, verdict));
    return;
  }
  const struct finding* finding = &verdict->findings[verdict->deciding];
  char sentence[TEXT_SIZE + 32];
  if (finding->gpu >= 0) {
    FORMAT(sentence, "GPU %d: %s", finding->gpu, finding->sentence);
  } else {
    COPY(sentence, finding->sentence);
  }
  put_line(&sheet, "\033[1;31m", "FAILED", sentence);
  put_line(&sheet, "\033[1m", "cause", finding->cause);
  put_line(&sheet, "\033[1m", "owner", owner_word(finding->owner));
  if (finding->advice[0] != '\0') put_line(&sheet, "\033[1m", "advice", finding->advice);
}

static void put_pair(FILE* stream, const char* name, const char* value) {
  if (value == 0) return;
  fprintf(stream, "%-14s", name);
  put_clean(stream, value);
  fputc('\n', stream);
}

// A line of what the array `node` holds, each with `prefix`.
static void put_list(FILE* stream, const char* name, const char* prefix,
                     const struct promise* promise, int node) {
  const struct json* json = &promise->json;
  if (json_first(json, node) < 0) return;
  fprintf(stream, "%-13s", name);
  for (int i = json_first(json, node); i >= 0; i = json_next(json, i)) {
    fprintf(stream, " %s", prefix);
    put_clean(stream, json->nodes[i].text);
  }
  fputc('\n', stream);
}

void show_promise(FILE* stream, const struct promise* promise) {
  const struct json* json = &promise->json;
  put_pair(stream, "image", promise->image);
  put_pair(stream, "tag", promise->tag);
  put_pair(stream, "build", promise->build);
  put_pair(stream, "platform", promise->platform);
  put_pair(stream, "created", promise->created);
  put_pair(stream, "driver from", promise->driver_min);
  put_list(stream, "GPU code", "sm_", promise, promise->sm);
  put_list(stream, "GPU PTX", "compute_", promise, promise->ptx);
  put_pair(stream, "reproduce", promise->reproduce);
  if (promise->components >= 0) fputs("\ncomponents\n", stream);
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    const char* name = json_string(json, i, "name");
    const char* version = json_string(json, i, "version");
    const char* cuda = json_string(json, i, "cuda");
    char line[LINE_SIZE];
    FORMAT(line, "  %-11.100s %.60s%s%.30s", name != 0 ? name : "?", version != 0 ? version : "",
           cuda != 0 ? ", CUDA " : "", cuda != 0 ? cuda : "");
    put_clean(stream, line);
    fputc('\n', stream);
  }
}
