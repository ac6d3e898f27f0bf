#include "env_check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "differences.h"
#include "emit.h"
#include "promise.h"
#include "text.h"

// What can be wrong, with the word and the exit code of docs/reference/exit-codes.md. These are the
// codes of the imgforge outside of images, not those of the probe.
struct kind {
  const char* code;
  int exit_code;
};
static const struct kind kUnsupported = {"unsupported", 1}, kIo = {"io", 1};
static const struct kind kInvalid = {"invalid", 2}, kNotFound = {"not_found", 3};
static const struct kind kMismatch = {"mismatch", 5}, kRefused = {"refused", 7};

static const char kStart[] = "outside of this image: imgforge env run starts the pinned one";

struct complaint {
  const struct kind* kind;
  char message[8192];
  char hint[LINE_SIZE];
  const char* file;  // 0: it is about no file
  int line, column;
};

// Keeps a promise from speaking to the terminal.
static void put_clean(FILE* stream, const char* text) {
  for (; *text != '\0'; text++) {
    const unsigned char c = (unsigned char)*text;
    fputc(c < 0x20 || c == 0x7f ? '?' : c, stream);
  }
}

static void say_complaint(const struct complaint* complaint) {
  fputs("error: ", stderr);
  put_clean(stderr, complaint->message);
  fputc('\n', stderr);
  if (complaint->file != 0) {
    fputs("  --> ", stderr);
    put_clean(stderr, complaint->file);
    if (complaint->line > 0) fprintf(stderr, ":%d:%d", complaint->line, complaint->column);
    fputc('\n', stderr);
  }
  if (complaint->hint[0] != '\0') fprintf(stderr, "  hint: %s\n", complaint->hint);
}

static void emit_complaint(struct emitter* emitter, const struct complaint* complaint) {
  emit_open(emitter, "error", '{');
  emit_text(emitter, "code", complaint->kind->code);
  if (complaint->file != 0) emit_integer(emitter, "column", complaint->column);
  emit_integer(emitter, "exit_code", complaint->kind->exit_code);
  if (complaint->file != 0) emit_text(emitter, "file", complaint->file);
  if (complaint->hint[0] != '\0') emit_text(emitter, "hint", complaint->hint);
  if (complaint->file != 0) emit_integer(emitter, "line", complaint->line);
  emit_text(emitter, "message", complaint->message);
  emit_close(emitter);
}

// Where there is nothing to compare. The exit code.
static int refuse(const struct options* options, const struct complaint* complaint) {
  if (options->json) {
    struct emitter emitter;
    emit_begin(&emitter, stdout);
    emit_open(&emitter, 0, '{');
    emit_complaint(&emitter, complaint);
    emit_finish(&emitter);
  }
  say_complaint(complaint);
  return complaint->kind->exit_code;
}

static void complain_about_contract(const struct contract* contract, struct complaint* complaint,
                                    bool named) {
  complaint->file = contract->path;
  complaint->line = contract->line;
  complaint->column = contract->column;
  COPY(complaint->message, contract->error);
  switch (contract->state) {
    case CONTRACT_ABSENT:
      complaint->kind = &kNotFound;
      complaint->file = 0;
      if (named) break;
      FORMAT(complaint->message,
             "%s does not exist: this repository does not say which environment it needs",
             contract->path);
      COPY(complaint->hint, "outside of images: imgforge env pin HOST/REPOSITORY:TAG writes it");
      break;
    case CONTRACT_UNREADABLE:
      complaint->kind = &kIo;
      complaint->file = 0;
      break;
    case CONTRACT_UNKNOWN:
      complaint->kind = &kUnsupported;
      FORMAT(complaint->message,
             "%s; this is written in a form that only the imgforge outside of images reads",
             contract->error);
      COPY(
          complaint->hint,
          "take the key out and let 'imgforge env pin', outside of images, write it anew; or write "
          "it in lines, as docs/reference/env.md shows");
      break;
    default:
      complaint->kind = &kInvalid;
      break;
  }
}

static void complain_about_promise(const struct promise* promise, struct complaint* complaint) {
  FORMAT(complaint->message, "%s: %s", promise->path, promise->error);
  if (promise->state == PROMISE_ABSENT) {
    complaint->kind = &kNotFound;
    return;
  }
  complaint->kind = &kInvalid;
  COPY(complaint->hint, "the image was damaged, or a newer imgforge made it: imgforge info");
}

static void add_text(char* text, size_t size, size_t* used, const char* more) {
  text_copy(text + *used, size - *used, more);
  *used += strlen(text + *used);
}

// "torch 2.6.0 instead of 2.5.1, ..."
static void say_differences(const struct comparison* comparison, struct complaint* complaint) {
  char* text = complaint->message;
  const size_t size = sizeof complaint->message;
  size_t used = strlen(text);
  for (int i = 0; i < comparison->count; i++) {
    const struct difference* one = &comparison->differences[i];
    const char* const parts[] = {i > 0 ? ", " : "", one->what,      " ",
                                 one->running,      " instead of ", one->pinned};
    for (size_t j = 0; j < sizeof parts / sizeof parts[0]; j++) {
      add_text(text, size, &used, parts[j]);
    }
  }
}

static int width_of(const char* text) {
  int width = 0;
  for (; *text != '\0'; text++) width += ((unsigned char)*text & 0xc0) != 0x80;
  return width;
}

static int larger(int a, int b) { return a > b ? a : b; }

static void show_row(const char* what, const char* pinned, const char* running, int what_width,
                     int pinned_width) {
  put_clean(stdout, what);
  // No line ends in blanks.
  if (*pinned != '\0' || *running != '\0') printf("%*s", what_width - width_of(what) + 2, "");
  put_clean(stdout, pinned);
  if (*running != '\0') printf("%*s", pinned_width - width_of(pinned) + 2, "");
  put_clean(stdout, running);
  fputc('\n', stdout);
}

static void show_table(const struct comparison* comparison) {
  int what = width_of("WHAT"), pinned = width_of("PINNED");
  for (int i = 0; i < comparison->count; i++) {
    what = larger(what, width_of(comparison->differences[i].what));
    pinned = larger(pinned, width_of(comparison->differences[i].pinned));
  }
  show_row("WHAT", "PINNED", "HERE", what, pinned);
  for (int i = 0; i < comparison->count; i++) {
    const struct difference* one = &comparison->differences[i];
    show_row(one->what, one->pinned, one->running, what, pinned);
  }
}

static void emit_comparison(const struct comparison* comparison, const char* annotation,
                            const struct complaint* complaint) {
  const struct contract* contract = comparison->contract;
  const struct promise* promise = comparison->promise;
  const bool inside = promise->state == PROMISE_PRESENT;
  struct emitter emitter;
  char pinned[512];
  FORMAT(pinned, "%s@%s", contract->repository, contract->digest);
  emit_begin(&emitter, stdout);
  emit_open(&emitter, 0, '{');
  emit_bool(&emitter, "agrees", complaint == 0);
  emit_text(&emitter, "annotation", annotation);
  emit_open(&emitter, "differences", '[');
  for (int i = 0; i < comparison->count; i++) {
    const struct difference* one = &comparison->differences[i];
    emit_open(&emitter, 0, '{');
    emit_text(&emitter, "pinned", one->pinned);
    emit_text(&emitter, "running", one->running);
    emit_text(&emitter, "what", one->what);
    emit_close(&emitter);
  }
  emit_close(&emitter);
  if (complaint != 0) emit_complaint(&emitter, complaint);
  emit_bool(&emitter, "inside", inside);
  emit_text(&emitter, "pinned", pinned);
  if (inside) {
    emit_open(&emitter, "running", '{');
    emit_text(&emitter, "image", promise->image != 0 ? promise->image : "");
    emit_text(&emitter, "tag", promise->tag != 0 ? promise->tag : "");
    emit_close(&emitter);
  }
  emit_finish(&emitter);
}

// The exit code; what is wrong is in `complaint` then.
static int judge(const struct options* options, struct comparison* comparison,
                 struct complaint* complaint) {
  const struct contract* contract = comparison->contract;
  const bool inside = comparison->promise->state == PROMISE_PRESENT;
  char annotation[400];
  FORMAT(annotation, "%s:%s", contract->name, contract->tag);
  if (inside) {
    compare_environment(comparison);
    FORMAT(complaint->message, "this is not the pinned environment %s: ", annotation);
    say_differences(comparison, complaint);
  } else {
    FORMAT(complaint->message,
           "this is no image made by imgforge: there is no %s; the pinned environment is %s",
           comparison->promise->path, annotation);
  }
  const bool agrees = inside && comparison->count == 0;
  complaint->kind = &kMismatch;
  COPY(complaint->hint, kStart);
  if (options->json) {
    emit_comparison(comparison, annotation, agrees ? 0 : complaint);
  } else if (agrees) {
    printf("this is the pinned environment %s\n", annotation);
  } else if (inside) {
    show_table(comparison);
  }
  if (agrees) return 0;
  say_complaint(complaint);
  return complaint->kind->exit_code;
}

int env_check(const struct options* options) {
  struct contract* contract = malloc(sizeof *contract);
  struct promise* promise = malloc(sizeof *promise);
  struct comparison* comparison = calloc(1, sizeof *comparison);
  struct complaint* complaint = calloc(1, sizeof *complaint);
  if (contract == 0 || promise == 0 || comparison == 0 || complaint == 0) {
    fprintf(stderr, "error: no memory: %s\n", strerror(errno));
    return kIo.exit_code;
  }
  contract_load(contract, options->contract);
  if (contract->state != CONTRACT_PRESENT) {
    complain_about_contract(contract, complaint, options->contract != 0);
    return refuse(options, complaint);
  }
  if (!contract->pinned) {
    complaint->kind = &kRefused;
    FORMAT(complaint->message, "%s has no pin", CONTRACT_FILE);
    COPY(complaint->hint, "outside of images: imgforge env pin TAG");
    return refuse(options, complaint);
  }
  promise_load(promise, options->promise);
  const bool missing = promise->state == PROMISE_ABSENT && options->promise_given;
  if (missing || promise->state == PROMISE_INVALID ||
      (promise->state == PROMISE_PRESENT && !promise_has_whole_components(promise))) {
    complain_about_promise(promise, complaint);
    return refuse(options, complaint);
  }
  comparison->contract = contract;
  comparison->promise = promise;
  return judge(options, comparison, complaint);
}
