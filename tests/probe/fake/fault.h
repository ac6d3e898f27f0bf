// Faults of the fake libraries, chosen by the environment:
//   FAKE_ERROR=call:code,call:code   these calls answer with a code
//   FAKE_CRASH=call  FAKE_HANG=call  FAKE_EXIT=call
//   FAKE_UNTIL=file   the errors end when that file is there
//   FAKE_MARK=file    is made by the first call
#ifndef IMGFORGE_TEST_FAULT_H
#define IMGFORGE_TEST_FAULT_H

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline int chosen(const char* variable, const char* call) {
  const char* value = getenv(variable);
  return value != NULL && strcmp(value, call) == 0;
}

static inline int number(const char* variable, int otherwise) {
  const char* value = getenv(variable);
  return value != NULL ? atoi(value) : otherwise;
}

static inline int fault(const char* call) {
  if (chosen("FAKE_CRASH", call)) raise(SIGSEGV);
  if (chosen("FAKE_EXIT", call)) _exit(0);
  while (chosen("FAKE_HANG", call)) pause();
  const char* mark = getenv("FAKE_MARK");
  if (mark != NULL) close(open(mark, O_WRONLY | O_CREAT, 0600));
  const char* until = getenv("FAKE_UNTIL");
  if (until != NULL && access(until, F_OK) == 0) return 0;
  const char* at = getenv("FAKE_ERROR");
  size_t length = strlen(call);
  while (at != NULL && *at != '\0') {
    if (strncmp(at, call, length) == 0 && at[length] == ':') return atoi(at + length + 1);
    at = strchr(at, ',');
    if (at != NULL) at++;
  }
  return 0;
}

#define FAULT(call)               \
  do {                            \
    int code_ = fault(call);      \
    if (code_ != 0) return code_; \
  } while (0)

#endif
