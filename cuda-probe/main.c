// imgforge probe and imgforge info, as they are called inside an image.
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "requirements.h"
#include "show.h"
#include "stages.h"
#include "text.h"

extern char** environ;

static const char kHelp[] =
    "usage: imgforge probe [options]     check GPU, driver and image\n"
    "       imgforge info [options]      what this image is\n"
    "\n"
    "options\n"
    "  --json              the result as JSON on stdout\n"
    "  --promise FILE      what the image promises (default: " PROMISE_PATH
    ")\n"
    "  --help              this text\n"
    "  --version           the program's version\n"
    "\n"
    "options of probe\n"
    "  --timeout SECONDS   how long each step may take (default: 30)\n"
    "  --allow-no-gpu      no GPU is not a failure (CPU runners)\n"
    "  --only STAGES       run only these, of: nvml,driver,compute,libraries\n"
    "  --skip STAGES       run all but these\n"
    "\n"
    "exit codes\n"
    "  0 ok   1 a check failed   2 usage   3 no GPU visible: the run command\n"
    "  4 the host   5 the image   6 the hardware   7 no answer in time\n"
    "\n"
    "examples\n"
    "  imgforge probe\n"
    "  imgforge probe --json > report.json\n"
    "  imgforge probe --allow-no-gpu       # in a pipeline without GPUs\n"
    "  imgforge info\n";

struct options {
  bool info, json, allow_no_gpu;
  const char* promise;
  bool promise_given;
  double timeout;
  unsigned stages;  // bits 1 << enum stage
};

static int usage(const char* format, const char* what) {
  fputs("imgforge: ", stderr);
  fprintf(stderr, format, what);
  fputs("; see imgforge --help\n", stderr);
  return EXIT_USAGE;
}

// The stages that can be chosen; the survey always runs, nodes where it is needed.
static bool parse_stages(const char* list, unsigned* stages) {
  static const enum stage choices[] = {STAGE_NVML, STAGE_DRIVER, STAGE_COMPUTE, STAGE_LIBRARIES};
  *stages = 0;
  while (*list != '\0') {
    size_t length = strcspn(list, ",");
    unsigned bit = 0;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
      const char* name = stage_name(choices[i]);
      if (strlen(name) == length && strncmp(list, name, length) == 0) bit = 1u << choices[i];
    }
    if (bit == 0) return false;
    *stages |= bit;
    list += length;
    list += *list == ',';
  }
  return *stages != 0;
}

// If argv[*i] is `name`, with its value behind = or in the next argument, true; *value is 0 where
// there is no value.
static bool takes(int argc, char** argv, int* i, const char* name, const char** value) {
  size_t length = strlen(name);
  if (strncmp(argv[*i], name, length) != 0) return false;
  if (argv[*i][length] == '=') {
    *value = argv[*i] + length + 1;
    return true;
  }
  if (argv[*i][length] != '\0') return false;
  *value = *i + 1 < argc ? argv[++*i] : 0;
  return true;
}

// -1, or the exit code where it ends here.
static int parse_options(int argc, char** argv, int from, struct options* options) {
  unsigned stages;
  for (int i = from; i < argc; i++) {
    const char* value = 0;
    unsigned long seconds = 0;
    if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
      fputs(kHelp, stdout);
      return EXIT_OK;
    }
    if (strcmp(argv[i], "--version") == 0) {
      puts("imgforge-probe " PROBE_VERSION);
      return EXIT_OK;
    }
    if (strcmp(argv[i], "--json") == 0) {
      options->json = true;
    } else if (takes(argc, argv, &i, "--promise", &value)) {
      if (value == 0 || *value == '\0') return usage("%s needs a file", "--promise");
      options->promise = value;
      options->promise_given = true;
    } else if (!options->info && strcmp(argv[i], "--allow-no-gpu") == 0) {
      options->allow_no_gpu = true;
    } else if (!options->info && takes(argc, argv, &i, "--timeout", &value)) {
      if (value == 0 || !text_to_number(value, 86400, &seconds) || seconds == 0) {
        return usage("--timeout needs a number of seconds from 1 to 86400%s", "");
      }
      options->timeout = (double)seconds;
    } else if (!options->info && takes(argc, argv, &i, "--only", &value)) {
      if (value == 0 || !parse_stages(value, &stages)) {
        return usage("--only needs some of %s", "nvml,driver,compute,libraries");
      }
      options->stages = stages;
    } else if (!options->info && takes(argc, argv, &i, "--skip", &value)) {
      if (value == 0 || !parse_stages(value, &stages)) {
        return usage("--skip needs some of %s", "nvml,driver,compute,libraries");
      }
      options->stages &= ~stages;
    } else {
      return usage("unknown option %s", argv[i]);
    }
  }
  return -1;
}

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

static void run_stages(const struct options* options, const struct promise* promise,
                       struct report* report) {
  double timeout = options->timeout;
  unsigned stages = options->stages;
  requirements_collect(report, environ);
  stage_run(report, STAGE_SURVEY, timeout, survey_run, 0);
  if (stages & 1u << STAGE_NVML) stage_run(report, STAGE_NVML, timeout, nvml_run, 0);
  if (stages & (1u << STAGE_DRIVER | 1u << STAGE_COMPUTE)) {
    const struct driver_options driver = {(stages & 1u << STAGE_COMPUTE) != 0};
    stage_run(report, STAGE_DRIVER, timeout, driver_run, &driver);
    if (!report->driver.initialised && report->survey.gpu_count > 0) {
      stage_run(report, STAGE_NODES, timeout, nodes_run, 0);
    }
  }
  if (promise->state == PROMISE_PRESENT && (stages & 1u << STAGE_LIBRARIES)) {
    stage_run(report, STAGE_LIBRARIES, timeout, libraries_run, promise);
  }
  requirements_evaluate(report);
}

static int run_probe(const struct options* options, const struct promise* promise) {
  struct report* report = report_create();
  struct verdict* verdict = malloc(sizeof *verdict);
  if (report == 0 || verdict == 0) {
    fprintf(stderr, "imgforge: no memory: %s\n", strerror(errno));
    return EXIT_CHECK_FAILED;
  }
  run_stages(options, promise, report);
  verdict_decide(report, promise, options->allow_no_gpu, verdict);
  if (options->json) {
    show_json(stdout, report, promise, verdict);
  } else {
    const struct style style = find_style();
    show_text(stdout, &style, report, promise, verdict);
  }
  return finish(verdict->exit_code);
}

int main(int argc, char** argv) {
  struct options options = {.promise = PROMISE_PATH, .timeout = 30, .stages = ~0u};
  const char* slash = argc > 0 ? strrchr(argv[0], '/') : 0;
  const char* called = argc == 0 ? "imgforge-probe" : slash != 0 ? slash + 1 : argv[0];
  int from = 1;
  if (argc > 1 && argv[1][0] != '-') {
    options.info = strcmp(argv[1], "info") == 0;
    if (strcmp(argv[1], "help") == 0) {
      fputs(kHelp, stdout);
      return finish(EXIT_OK);
    }
    if (!options.info && strcmp(argv[1], "probe") != 0) {
      return usage("inside an image there are probe and info, not %s", argv[1]);
    }
    from = 2;
  } else if (argc <= 1 && strcmp(called, "imgforge") == 0) {
    fputs(kHelp, stderr);
    return EXIT_USAGE;
  }
  int code = parse_options(argc, argv, from, &options);
  if (code >= 0) return finish(code);

  struct promise* promise = malloc(sizeof *promise);
  if (promise == 0) return usage("%s", "no memory");
  promise_load(promise, options.promise);
  if (promise->state == PROMISE_ABSENT && options.promise_given) {
    return usage("there is no %s", options.promise);
  }
  return options.info ? run_info(&options, promise) : run_probe(&options, promise);
}
