#include "promise.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

static void invalid(struct promise* promise, const char* why) {
  promise->state = PROMISE_INVALID;
  COPY(promise->error, why);
}

// The array member `name`, whose elements are of `type`; -1 if there is none. False if it is there
// and something else.
static bool array_of(struct promise* promise, int object, const char* name, enum json_type type,
                     int* node) {
  const struct json* json = &promise->json;
  *node = json_member(json, object, name);
  if (*node < 0) return true;
  bool right = json_type_of(json, *node) == JSON_ARRAY;
  for (int i = json_first(json, *node); right && i >= 0; i = json_next(json, i)) {
    right = json_type_of(json, i) == type;
  }
  if (!right) {
    FORMAT(promise->error, "\"%s\" is not an array of %s", name,
           type == JSON_STRING ? "strings" : "objects");
    promise->state = PROMISE_INVALID;
  }
  return right;
}

static void interpret(struct promise* promise) {
  const struct json* json = &promise->json;
  if (json_type_of(json, 0) != JSON_OBJECT) return invalid(promise, "it is not a JSON object");
  int version = json_member(json, 0, "promise");
  if (json_type_of(json, version) != JSON_NUMBER) {
    return invalid(promise, "it does not begin with \"promise\": 1");
  }
  unsigned long number = 0;
  if (!text_to_number(json->nodes[version].text, 1000000, &number) || number != PROMISE_VERSION) {
    FORMAT(promise->error, "it is of version %.20s, this program understands %d",
           json->nodes[version].text, PROMISE_VERSION);
    promise->state = PROMISE_INVALID;
    return;
  }
  promise->image = json_string(json, 0, "image");
  promise->tag = json_string(json, 0, "tag");
  promise->build = json_string(json, 0, "build");
  promise->platform = json_string(json, 0, "platform");
  promise->created = json_string(json, 0, "created");
  promise->reproduce = json_string(json, 0, "reproduce");
  int gpu = json_member(json, 0, "gpu");
  promise->driver_min = json_string(json, gpu, "driver_min");
  promise->cuda_driver_min = json_string(json, gpu, "cuda_driver_min");
  int python = json_member(json, 0, "python");
  promise->python_prefix = json_string(json, python, "prefix");
  promise->site_packages = json_string(json, python, "site_packages");
  promise->determinism = json_member(json, 0, "determinism");
  if (promise->determinism >= 0 && json_type_of(json, promise->determinism) != JSON_OBJECT) {
    return invalid(promise, "\"determinism\" is not an object");
  }
  if (array_of(promise, 0, "components", JSON_OBJECT, &promise->components) &&
      array_of(promise, 0, "libraries", JSON_OBJECT, &promise->libraries) &&
      array_of(promise, gpu, "sm", JSON_STRING, &promise->sm) &&
      array_of(promise, gpu, "ptx", JSON_STRING, &promise->ptx)) {
    promise->state = PROMISE_PRESENT;
  }
}

void promise_load(struct promise* promise, const char* path) {
  memset(promise, 0, offsetof(struct promise, json));
  promise->components = promise->libraries = promise->sm = promise->ptx = -1;
  promise->determinism = -1;
  COPY(promise->path, path);
  size_t size = JSON_MAX_BYTES / 2 + 2;  // one more than is accepted, and the terminator
  promise->raw = malloc(size);
  long have = promise->raw == 0 ? -1 : read_file(path, promise->raw, size);
  if (have < 0) {
    promise->state = errno == ENOENT ? PROMISE_ABSENT : PROMISE_INVALID;
    COPY(promise->error, strerror(errno));
  } else if (!json_parse(&promise->json, promise->raw, (size_t)have)) {
    invalid(promise, promise->json.error);
  } else {
    interpret(promise);
  }
  if (promise->state == PROMISE_PRESENT) {
    promise->raw_size = (size_t)have;
  } else {
    free(promise->raw);
    promise->raw = 0;
  }
}
