// The promise: what an image says of itself (docs/probe.md, "The promise"). Written by the build,
// read here. Unknown names are skipped; what is missing is not promised.
#ifndef IMGFORGE_PROBE_PROMISE_H
#define IMGFORGE_PROBE_PROMISE_H

#include "json.h"
#include "report.h"

// Version of the format that this program understands.
enum { PROMISE_VERSION = 1 };

#define PROMISE_PATH "/opt/imgforge/promise.json"

enum promise_state { PROMISE_PRESENT, PROMISE_ABSENT, PROMISE_INVALID };

struct promise {
  enum promise_state state;
  char path[PATH_SIZE];
  char error[LINE_SIZE];  // why it is absent or invalid
  char* raw;              // the document as it stands in the file; 0 unless present
  size_t raw_size;
  const char *image, *tag, *build, *platform, *created, *reproduce;  // 0 where not promised
  const char *driver_min, *cuda_driver_min;
  const char *python_prefix, *site_packages;
  int components, libraries, sm, ptx;  // nodes of arrays, -1 where not promised
  int determinism;                     // node of an object, -1 where not promised
  struct json json;
};

// Never fails: the state says what became of it.
void promise_load(struct promise* promise, const char* path);

#endif
