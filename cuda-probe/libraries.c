#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "components.h"
#include "determinism.h"
#include "loader.h"
#include "stages.h"
#include "text.h"

// Libraries that can say their version themselves, without a GPU and without the driver.
struct versioned {
  const char* prefix;  // of the soname
  const char* function;
  int kind;
};
enum { KIND_CUDNN, KIND_NCCL, KIND_RUNTIME };
static const struct versioned kVersioned[] = {
    {"libcudnn.so.", "cudnnGetVersion", KIND_CUDNN},
    {"libnccl.so.", "ncclGetVersion", KIND_NCCL},
    {"libcudart.so.", "cudaRuntimeGetVersion", KIND_RUNTIME},
};

// cuDNN: 8902 is 8.9.2, from 9 on 90100 is 9.1.0. NCCL: 2708 is 2.7.8, from 2.9 on 22105 is 2.21.5.
// Runtime: 12040 is 12.4.
static void format_version(int kind, unsigned long number, char* text, size_t size) {
  unsigned long major = number / 10000, minor = number / 100 % 100, patch = number % 100;
  if (kind == KIND_RUNTIME) {
    snprintf(text, size, "%lu.%lu", number / 1000, number % 1000 / 10);
    return;
  }
  if (number < 10000) {
    major = number / 1000;
    minor = number / 100 % 10;
  }
  snprintf(text, size, "%lu.%lu.%lu", major, minor, patch);
}

static unsigned long ask_version(void* library, const struct versioned* how) {
  void* address = dlsym(library, how->function);
  int number = 0;
  if (address == 0) return 0;
  if (how->kind == KIND_CUDNN) {
    size_t (*get)(void);
    memcpy(&get, &address, sizeof get);
    return get();
  }
  int (*get)(int*);
  memcpy(&get, &address, sizeof get);
  return get(&number) == 0 && number > 0 ? (unsigned long)number : 0;
}

static void load(struct library* library, const struct versioned* how) {
  char path[PATH_SIZE] = "";
  void* handle = library_open(library->path, how->function, path, sizeof path, library->detail,
                              sizeof library->detail);
  if (handle == 0) {
    library->state = LIBRARY_UNLOADABLE;
    return;
  }
  unsigned long number = ask_version(handle, how);
  if (number == 0) return;
  format_version(how->kind, number, library->found, sizeof library->found);
  if (library->promised[0] != '\0' && !version_agrees(library->found, library->promised)) {
    library->state = LIBRARY_MISMATCH;
  }
}

// The loader looks into LD_LIBRARY_PATH before the RUNPATH by which the frameworks find their
// libraries: a file of the same name there is what they get.
static bool shadowed(const struct variable* search, struct library* library) {
  char promised[PATH_MAX], there[PATH_MAX], folders[LINE_SIZE];
  if (realpath(library->path, promised) == 0) return false;
  COPY(folders, search->value);
  char* rest = folders;
  for (char* folder; (folder = strsep(&rest, ":;")) != 0;) {
    char candidate[PATH_SIZE + LINE_SIZE];
    FORMAT(candidate, "%s/%s", *folder != '\0' ? folder : ".", library->name);
    if (realpath(candidate, there) != 0) {
      if (strcmp(there, promised) == 0) return false;
      COPY(library->detail, there);
      return true;
    }
  }
  return false;
}

static void check_library(const struct survey* survey, struct library* library) {
  library->state = LIBRARY_OK;
  if (access(library->path, R_OK) != 0) {
    library->state = LIBRARY_MISSING;
    return;
  }
  for (size_t i = 0; i < sizeof kVersioned / sizeof kVersioned[0]; i++) {
    if (text_starts_with(library->name, kVersioned[i].prefix)) load(library, &kVersioned[i]);
  }
  if (library->state == LIBRARY_OK && shadowed(&survey->library_path, library)) {
    library->state = LIBRARY_SHADOWED;
  }
}

static void copy_member(const struct json* json, int object, const char* name, char* to,
                        size_t size) {
  const char* text = json_string(json, object, name);
  text_copy(to, size, text != 0 ? text : "");
}
#define COPY_MEMBER(json, object, name, to) copy_member((json), (object), (name), (to), sizeof(to))

void libraries_run(struct report* report, const void* context, struct stage_control* control) {
  const struct promise* promise = context;
  const struct json* json = &promise->json;
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    if (report->component_count == MAX_COMPONENTS) break;
    struct component* component = &report->components[report->component_count++];
    COPY_MEMBER(json, i, "name", component->name);
    COPY_MEMBER(json, i, "version", component->promised);
    COPY_MEMBER(json, i, "cuda", component->promised_cuda);
    stage_step(control, "looking for %s", component->name);
    component_check(promise, component);
  }
  for (int i = json_first(json, promise->libraries); i >= 0; i = json_next(json, i)) {
    if (report->library_count == MAX_LIBRARIES) break;
    struct library* library = &report->libraries[report->library_count++];
    COPY_MEMBER(json, i, "soname", library->name);
    COPY_MEMBER(json, i, "path", library->path);
    COPY_MEMBER(json, i, "version", library->promised);
    stage_step(control, "checking %s", library->name);
    check_library(&report->survey, library);
  }
  if (report->determinism.module_path[0] != '\0') {
    stage_step(control, "looking for %s", report->determinism.module);
    determinism_look(&report->determinism);
  }
}
