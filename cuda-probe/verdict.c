#include "verdict.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

const char* severity_word(enum severity severity) {
  static const char* const words[] = {"info", "warning", "error"};
  return words[severity];
}

const char* owner_word(enum owner owner) {
  static const char* const words[] = {"nobody", "run command", "host", "image", "hardware"};
  return words[owner];
}

const char* verdict_all_well(const struct report* report, const struct verdict* verdict) {
  static const enum stage whole[] = {STAGE_SURVEY, STAGE_NVML, STAGE_DRIVER, STAGE_COMPUTE};
  if (verdict->no_gpu) return "no GPU is visible, which is allowed here; all other checks passed";
  for (size_t i = 0; i < sizeof whole / sizeof whole[0]; i++) {
    if (report->stages[whole[i]].state == STAGE_SKIPPED)
      return "what was asked to be checked works";
  }
  return "GPU, driver and image work together";
}

// The last place stays with the last finding: too many of them hide nothing that decides.
static struct finding* next(struct verdict* verdict) {
  struct finding* finding =
      &verdict->findings[verdict->count < MAX_FINDINGS ? verdict->count++ : MAX_FINDINGS - 1];
  memset(finding, 0, sizeof *finding);
  finding->gpu = -1;
  return finding;
}

struct finding* verdict_add(struct verdict* verdict, enum exit_code code, enum owner owner,
                            const char* cause, const char* format, ...) {
  struct finding* finding = next(verdict);
  finding->severity = SEVERITY_ERROR;
  finding->exit_code = code;
  finding->owner = owner;
  finding->cause = cause;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(finding->sentence, sizeof finding->sentence, format, arguments);
  va_end(arguments);
  return finding;
}

struct finding* verdict_note(struct verdict* verdict, enum severity severity, enum owner owner,
                             const char* cause, const char* format, ...) {
  struct finding* finding = next(verdict);
  finding->severity = severity;
  finding->owner = owner;
  finding->cause = cause;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(finding->sentence, sizeof finding->sentence, format, arguments);
  va_end(arguments);
  return finding;
}

void finding_advise(struct finding* finding, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(finding->advice, sizeof finding->advice, format, arguments);
  va_end(arguments);
}

bool verdict_has(const struct verdict* verdict, const char* cause) {
  for (int i = 0; i < verdict->count; i++) {
    if (strcmp(verdict->findings[i].cause, cause) == 0) return true;
  }
  return false;
}

static void judge_timeout(const struct stage_result* result, enum stage stage,
                          struct verdict* verdict) {
  bool of_image = stage == STAGE_LIBRARIES || stage == STAGE_TORCH;
  struct finding* finding =
      verdict_add(verdict, EXIT_TIMEOUT, of_image ? OWNER_IMAGE : OWNER_HOST, "no-answer",
                  "the %s did not answer in time while %s",
                  of_image ? "image's software" : "driver or the GPU", result->step);
  if (result->unkillable) {
    finding->owner = OWNER_HARDWARE;
    finding_advise(finding,
                   "the process is blocked in the kernel and cannot be killed: look for \"Xid\" in "
                   "the host's dmesg, then reset the GPU or reboot");
  } else if (of_image) {
    finding_advise(finding,
                   "give it longer with --timeout; a slow disk or network file system can "
                   "be the reason");
  } else {
    finding_advise(
        finding,
        "look for \"Xid\" in the host's dmesg; give a machine with many GPUs longer with "
        "--timeout, and switch on persistence mode (nvidia-smi -pm 1)");
  }
}

static void judge_crash(const struct stage_result* result, enum stage stage,
                        struct verdict* verdict) {
  static const struct {
    enum exit_code code;
    enum owner owner;
    const char* what;
  } who[STAGE_COUNT] = {
      [STAGE_SURVEY] = {EXIT_CHECK_FAILED, OWNER_NOBODY, "the survey of the container"},
      [STAGE_NVML] = {EXIT_HOST, OWNER_HOST, "the driver's management library"},
      [STAGE_DRIVER] = {EXIT_HOST, OWNER_HOST, "the driver's library"},
      [STAGE_COMPUTE] = {EXIT_HOST, OWNER_HOST, "the driver's library"},
      [STAGE_NODES] = {EXIT_CHECK_FAILED, OWNER_NOBODY, "opening the device nodes"},
      [STAGE_LIBRARIES] = {EXIT_IMAGE, OWNER_IMAGE, "a library of the image"},
      [STAGE_TORCH] = {EXIT_IMAGE, OWNER_IMAGE, "the image's Python with torch"},
  };
  struct finding* finding;
  if (stage == STAGE_TORCH && result->signal == SIGKILL) {
    finding_advise(verdict_add(verdict, EXIT_CHECK_FAILED, OWNER_RUN, "crash",
                               "the image's Python was killed while %s", result->step),
                   "most often the kernel does this when the container's memory limit is reached: "
                   "torch needs some GB to start; raise the limit");
    return;
  }
  if (result->signal != 0) {
    finding = verdict_add(verdict, who[stage].code, who[stage].owner, "crash",
                          "%s crashed with signal %d (%s) while %s", who[stage].what,
                          result->signal, strsignal(result->signal), result->step);
  } else {
    finding = verdict_add(verdict, who[stage].code, who[stage].owner, "crash",
                          "%s ended the process while %s", who[stage].what, result->step);
  }
  finding_advise(finding, who[stage].owner == OWNER_IMAGE
                              ? "the file is damaged or does not fit the others: build the image "
                                "again, or pull it again"
                              : "check the host's driver installation (nvidia-smi on the host) and "
                                "the host's dmesg; a damaged or mixed driver does this");
}

void judge_stages(const struct report* report, struct verdict* verdict) {
  for (int stage = 0; stage < STAGE_COUNT; stage++) {
    const struct stage_result* result = &report->stages[stage];
    if (result->state == STAGE_TIMED_OUT) judge_timeout(result, (enum stage)stage, verdict);
  }
  for (int stage = 0; stage < STAGE_COUNT; stage++) {
    const struct stage_result* result = &report->stages[stage];
    if (result->state == STAGE_CRASHED) judge_crash(result, (enum stage)stage, verdict);
  }
}

void verdict_decide(const struct report* report, const struct promise* promise, bool allow_no_gpu,
                    struct verdict* verdict) {
  memset(verdict, 0, sizeof *verdict);
  judge_stages(report, verdict);
  judge_driver(report, verdict);
  judge_host(report, promise, verdict);
  judge_gpus(report, promise, verdict);
  judge_image(report, promise, verdict);
  judge_determinism(report, verdict);
  judge_torch(report, promise, verdict);
  verdict->deciding = -1;
  for (int i = 0; i < verdict->count; i++) {
    struct finding* finding = &verdict->findings[i];
    if (finding->severity != SEVERITY_ERROR) continue;
    if (finding->exit_code == EXIT_NO_GPU) {
      verdict->no_gpu = true;
      if (allow_no_gpu) {
        finding->severity = SEVERITY_INFO;
        finding->exit_code = EXIT_OK;
        continue;
      }
    }
    if (verdict->deciding < 0) verdict->deciding = i;
  }
  verdict->exit_code =
      verdict->deciding < 0 ? EXIT_OK : verdict->findings[verdict->deciding].exit_code;
}
