// imgforge probe, imgforge info and imgforge env check, as they are called inside an image.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "determinism.h"
#include "env_check.h"
#include "options.h"
#include "requirements.h"
#include "show.h"
#include "stages.h"
#include "text.h"
#include "wait.h"

extern char** environ;

static struct style find_style(void) {
  struct style style = {false, false};
  const char* term = getenv("TERM");
  if (!isatty(STDOUT_FILENO) || term == 0 || strcmp(term, "dumb") == 0) return style;
  const char* none = getenv("NO_COLOR");
  style.colour = none == 0 || *none == '\0';
  const char* names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  for (size_t i = 0; i < 3; i++) {
    const char* locale = getenv(names[i]);
    if (locale == 0 || *locale == '\0') continue;
    style.unicode = strstr(locale, "UTF-8") != 0 || strstr(locale, "utf8") != 0;
    break;
  }
  return style;
}

// `code`, or a failure if the result did not reach its reader.
static int finish(int code) {
  if (fflush(stdout) == 0 && !ferror(stdout)) return code;
  fprintf(stderr, "imgforge: writing the result: %s\n", strerror(errno));
  return EXIT_CHECK_FAILED;
}

static int run_info(const struct options* options, const struct promise* promise) {
  if (promise->state != PROMISE_PRESENT) {
    fprintf(stderr, "imgforge: %s: %s; this is not an image made by imgforge, or it was damaged\n",
            promise->path, promise->error);
    return EXIT_IMAGE;
  }
  if (options->json) {
    fwrite(promise->raw, 1, promise->raw_size, stdout);
    if (promise->raw_size > 0 && promise->raw[promise->raw_size - 1] != '\n') fputc('\n', stdout);
  } else {
    show_promise(stdout, promise);
  }
  return finish(EXIT_OK);
}

// Where the driver or NVML does not start, or NVML knows fewer GPUs than there are nodes.
static bool nodes_are_needed(const struct report* report) {
  const bool driver = report->stages[STAGE_DRIVER].state != STAGE_SKIPPED;
  const bool nvml = report->stages[STAGE_NVML].state != STAGE_SKIPPED;
  if (report->survey.gpu_count == 0) return false;
  if (driver && !report->driver.initialised) return true;
  return nvml && report->nvml.loaded &&
         (report->nvml.error != 0 || report->nvml.gpu_count < report->survey.gpu_count);
}

// The stages that were chosen. With --wait the survey has been made already.
static void run_stages(const struct options* options, const struct promise* promise,
                       struct report* report) {
  double timeout = options->timeout;
  unsigned stages = options->stages;
  requirements_collect(report, environ);
  determinism_collect(promise, &report->determinism);
  if (options->wait == 0) stage_run(report, STAGE_SURVEY, timeout, survey_run, 0);
  if (stages & 1u << STAGE_NVML) stage_run(report, STAGE_NVML, timeout, nvml_run, 0);
  if (stages & (1u << STAGE_DRIVER | 1u << STAGE_COMPUTE)) {
    const struct driver_options driver = {(stages & 1u << STAGE_COMPUTE) != 0};
    stage_run(report, STAGE_DRIVER, timeout, driver_run, &driver);
  }
  if (nodes_are_needed(report)) stage_run(report, STAGE_NODES, timeout, nodes_run, 0);
  if (promise->state == PROMISE_PRESENT && (stages & 1u << STAGE_LIBRARIES)) {
    stage_run(report, STAGE_LIBRARIES, timeout, libraries_run, promise);
  }
  if (stages & 1u << STAGE_TORCH) {
    stage_run(report, STAGE_TORCH, options->torch_timeout, torch_run, promise);
  }
  requirements_evaluate(report);
}

static void run_and_judge(const struct options* options, const struct promise* promise,
                          struct report* report, struct verdict* verdict) {
  const double began = now_seconds();
  bool again;
  do {
    const struct wait waited = report->wait;
    memset(report, 0, sizeof *report);
    report->wait = waited;
    if (options->wait > 0) wait_for_nodes(report, began, options->wait, options->timeout);
    run_stages(options, promise, report);
    verdict_decide(report, promise, options->allow_no_gpu, verdict);
    again = options->wait > 0 && wait_for_driver(report, verdict, began, options->wait);
  } while (again);
}

static int run_probe(const struct options* options, const struct promise* promise) {
  struct report* report = report_create();
  struct verdict* verdict = malloc(sizeof *verdict);
  if (report == 0 || verdict == 0) {
    fprintf(stderr, "imgforge: no memory: %s\n", strerror(errno));
    return EXIT_CHECK_FAILED;
  }
  run_and_judge(options, promise, report, verdict);
  if (options->json) {
    show_json(stdout, report, promise, verdict);
  } else {
    const struct style style = find_style();
    show_text(stdout, &style, report, promise, verdict);
  }
  return finish(verdict->exit_code);
}

int main(int argc, char** argv) {
  struct options options;
  int code = options_parse(argc, argv, &options);
  if (code >= 0) return finish(code);
  if (options.env_check) return finish(env_check(&options));

  struct promise* promise = malloc(sizeof *promise);
  if (promise == 0) return options_refuse("%s", "no memory");
  promise_load(promise, options.promise);
  if (promise->state == PROMISE_ABSENT && options.promise_given) {
    return options_refuse("there is no %s", options.promise);
  }
  return options.info ? run_info(&options, promise) : run_probe(&options, promise);
}
