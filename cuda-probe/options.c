#include "options.h"

#include <stdio.h>
#include <string.h>

#include "promise.h"
#include "report.h"
#include "text.h"
#include "verdict.h"

#define SKIPPABLE "nvml,driver,compute,libraries,torch"

static const char kHelp[] =
    "usage: imgforge probe [options]     check GPU, driver and image\n"
    "       imgforge info [options]      what this image is\n"
    "       imgforge env check [options] is it the image that .imgforge.yaml pins\n"
    "\n"
    "options\n"
    "  --json              the result as JSON on stdout\n"
    "  --promise FILE      what the image promises (default: " PROMISE_PATH
    ")\n"
    "  --help              this text\n"
    "  --version           the program's version\n"
    "\n"
    "options of probe\n"
    "  --deep              also let the image's Python import torch and compute with it, on the\n"
    "                      CPU and on every GPU: matrix product, a layer, cuDNN, NCCL\n"
    "  --wait DURATION     wait for a GPU to appear: 90, 90s, 5m, 1h\n"
    "  --timeout SECONDS   how long each step may take (default: 30; of torch 120)\n"
    "  --allow-no-gpu      no GPU is not a failure (CPU runners)\n"
    "  --only STAGES       run only these, of: survey," SKIPPABLE
    "\n"
    "  --skip STAGES       run all but these (the survey always runs)\n"
    "\n"
    "option of env check\n"
    "  --contract FILE     default: .imgforge.yaml here, or in the nearest folder above that has\n"
    "                      it, up to one with a .git\n"
    "\n"
    "exit codes of probe and info\n"
    "  0 ok   1 a check failed   2 usage   3 no GPU visible: the run command\n"
    "  4 the host   5 the image   6 the hardware   7 no answer in time\n"
    "\n"
    "exit codes of env check\n"
    "  0 it is the pinned image   1 the contract cannot be read here   2 usage, or a wrong "
    "document\n"
    "  3 no contract   5 another image, or none of imgforge   7 nothing is pinned\n"
    "\n"
    "examples\n"
    "  imgforge probe\n"
    "  imgforge probe --json > report.json\n"
    "  imgforge probe --deep               # before a training run\n"
    "  imgforge probe --only survey,nvml   # cheap: is the GPU still there?\n"
    "  imgforge probe --wait 5m            # a node that is still starting its driver\n"
    "  imgforge probe --allow-no-gpu       # in a pipeline without GPUs\n"
    "  imgforge info\n"
    "  imgforge env check\n"
    "\n"
    "This is the imgforge inside of images. The one that builds images, pins them and installs\n"
    "git's hooks runs outside of them: docs/howto/install.md of imgforge.\n";

// The longest wait, and the longest time for one step.
enum { DAY_SECONDS = 86400 };

int options_refuse(const char* format, const char* what) {
  fputs("imgforge: ", stderr);
  fprintf(stderr, format, what);
  fputs("; see imgforge --help\n", stderr);
  return EXIT_USAGE;
}

// The commands that only the imgforge outside of images has.
static const char* const kOutside[] = {
    "attest",   "build",    "cache",   "catalog", "completion", "copy",  "diff",    "doctor",
    "fetch",    "harbor",   "history", "inspect", "keygen",     "lock",  "login",   "logout",
    "matrix",   "outdated", "plan",    "promote", "pull",       "push",  "rebuild", "reproduce",
    "rollback", "sbom",     "sign",    "tag",     "tags",       "verify"};

static int refuse_word(const char* word) {
  for (size_t i = 0; i < sizeof kOutside / sizeof kOutside[0]; i++) {
    if (strcmp(word, kOutside[i]) != 0) continue;
    return options_refuse(
        "'%s' is a command of the imgforge outside of images; this is the one inside, which has "
        "probe, info and env check",
        word);
  }
  return options_refuse("inside an image there are probe, info and env check, not %s", word);
}

// What follows `env`, where it is not `check`.
static int refuse_env_word(const char* word) {
  if (word == 0) return options_refuse("%s needs a word: inside an image that is check", "env");
  return options_refuse(
      "'env %s' is for the imgforge outside of images; this is the one inside, which has probe, "
      "info and env check",
      word);
}

// Adds the stages of a list to *stages. The survey always runs, nodes where they are needed.
static bool parse_stages(const char* list, bool survey, unsigned* stages) {
  static const enum stage choices[] = {STAGE_SURVEY,  STAGE_NVML,      STAGE_DRIVER,
                                       STAGE_COMPUTE, STAGE_LIBRARIES, STAGE_TORCH};
  if (*list == '\0') return false;
  while (*list != '\0') {
    size_t length = strcspn(list, ",");
    unsigned bit = 0;
    for (size_t i = survey ? 0 : 1; i < sizeof choices / sizeof choices[0]; i++) {
      const char* name = stage_name(choices[i]);
      if (strlen(name) == length && strncmp(list, name, length) == 0) bit = 1u << choices[i];
    }
    if (bit == 0) return false;
    *stages |= bit;
    list += length;
    if (*list == ',' && *++list == '\0') return false;
  }
  return true;
}

// 90, 90s, 5m, 1h: from a second to a day.
static bool parse_duration(const char* text, double* seconds) {
  char digits[8];
  size_t length = strspn(text, "0123456789");
  unsigned long number;
  if (length == 0 || length >= sizeof digits) return false;
  FORMAT(digits, "%.*s", (int)length, text);
  const char* unit = text + length;
  unsigned long factor = strcmp(unit, "h") == 0                    ? 3600
                         : strcmp(unit, "m") == 0                  ? 60
                         : *unit == '\0' || strcmp(unit, "s") == 0 ? 1
                                                                   : 0;
  if (factor == 0 || !text_to_number(digits, DAY_SECONDS / factor, &number) || number == 0) {
    return false;
  }
  *seconds = (double)(number * factor);
  return true;
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

// Which stages were asked for, whatever the order of the options.
struct choice {
  unsigned only, skip;
  bool deep;
};

// An option of probe alone: 0 if it is none, 1 if it was read, else the exit code.
static int parse_probe_option(int argc, char** argv, int* i, struct options* options,
                              struct choice* choice) {
  const char* value = 0;
  unsigned long seconds = 0;
  if (strcmp(argv[*i], "--allow-no-gpu") == 0) {
    options->allow_no_gpu = true;
  } else if (strcmp(argv[*i], "--deep") == 0) {
    choice->deep = true;
  } else if (takes(argc, argv, i, "--timeout", &value)) {
    if (value == 0 || !text_to_number(value, DAY_SECONDS, &seconds) || seconds == 0) {
      return options_refuse("--timeout needs a number of seconds from 1 to 86400%s", "");
    }
    options->timeout = options->torch_timeout = (double)seconds;
  } else if (takes(argc, argv, i, "--wait", &value)) {
    if (value == 0 || !parse_duration(value, &options->wait)) {
      return options_refuse("--wait needs a duration like %s, of at most a day", "90s, 5m or 1h");
    }
  } else if (takes(argc, argv, i, "--only", &value)) {
    if (value == 0 || !parse_stages(value, true, &choice->only)) {
      return options_refuse("--only needs some of %s", "survey," SKIPPABLE);
    }
  } else if (takes(argc, argv, i, "--skip", &value)) {
    if (value == 0 || !parse_stages(value, false, &choice->skip)) {
      return options_refuse("--skip needs some of %s", SKIPPABLE);
    }
  } else {
    return 0;
  }
  return 1;
}

static int parse_options(int argc, char** argv, int from, struct options* options) {
  struct choice choice = {0, 0, false};
  for (int i = from; i < argc; i++) {
    const char* value = 0;
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
      if (value == 0 || *value == '\0') return options_refuse("%s needs a file", "--promise");
      options->promise = value;
      options->promise_given = true;
    } else if (options->env_check && takes(argc, argv, &i, "--contract", &value)) {
      if (value == 0 || *value == '\0') return options_refuse("%s needs a file", "--contract");
      options->contract = value;
    } else {
      int read = options->info || options->env_check
                     ? 0
                     : parse_probe_option(argc, argv, &i, options, &choice);
      if (read == 0) return options_refuse("unknown option %s", argv[i]);
      if (read != 1) return read;
    }
  }
  options->stages = choice.only != 0 ? choice.only : ~(1u << STAGE_TORCH);
  if (choice.deep) options->stages |= 1u << STAGE_TORCH;
  options->stages &= ~choice.skip;
  return -1;
}

int options_parse(int argc, char** argv, struct options* options) {
  const char* slash = argc > 0 ? strrchr(argv[0], '/') : 0;
  const char* called = argc == 0 ? "imgforge-probe" : slash != 0 ? slash + 1 : argv[0];
  int from = 1;
  *options = (struct options){.promise = PROMISE_PATH, .timeout = 30, .torch_timeout = 120};
  if (argc > 1 && argv[1][0] != '-') {
    options->info = strcmp(argv[1], "info") == 0;
    if (strcmp(argv[1], "help") == 0) {
      fputs(kHelp, stdout);
      return EXIT_OK;
    }
    options->env_check = strcmp(argv[1], "env") == 0;
    if (!options->info && !options->env_check && strcmp(argv[1], "probe") != 0) {
      return refuse_word(argv[1]);
    }
    from = 2;
    if (options->env_check) {
      const char* word = argc > 2 ? argv[2] : 0;
      const bool help = word != 0 && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0);
      if (!help && (word == 0 || strcmp(word, "check") != 0)) return refuse_env_word(word);
      from = help ? 2 : 3;
    }
  } else if (argc <= 1 && strcmp(called, "imgforge") == 0) {
    fputs(kHelp, stderr);
    return EXIT_USAGE;
  }
  return parse_options(argc, argv, from, options);
}
