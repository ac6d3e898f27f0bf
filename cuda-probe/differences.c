#include "differences.h"

#include <stdio.h>
#include <string.h>

#include "text.h"

static const char* or_empty(const char* text) { return text != 0 ? text : ""; }

static void differs(struct comparison* comparison, const char* what, const char* pinned,
                    const char* running) {
  comparison->differences[comparison->count++] = (struct difference){what, pinned, running};
}

static const char* pinned_version(const struct contract* contract, const char* name) {
  for (int i = 0; i < contract->component_count; i++) {
    if (strcmp(contract->components[i].name, name) == 0) return contract->components[i].version;
  }
  return "-";
}

// Of a component that stands twice, the last counts.
static const char* promised_version(const struct promise* promise, const char* name) {
  const struct json* json = &promise->json;
  const char* version = "-";
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    if (strcmp(json_string(json, i, "name"), name) == 0) version = json_string(json, i, "version");
  }
  return version;
}

// Whether `name` comes after `after` (0: any does), and before what was found until now.
static void take_earlier(const char** found, const char* name, const char* after) {
  if (after != 0 && strcmp(name, after) <= 0) return;
  if (*found == 0 || strcmp(name, *found) < 0) *found = name;
}

// The names of both sides in order: the first one after `after`, 0 at the end.
static const char* next_component(const struct comparison* comparison, const char* after) {
  const struct contract* contract = comparison->contract;
  const struct json* json = &comparison->promise->json;
  const char* found = 0;
  for (int i = 0; i < contract->component_count; i++) {
    take_earlier(&found, contract->components[i].name, after);
  }
  int i = json_first(json, comparison->promise->components);
  for (; i >= 0; i = json_next(json, i)) {
    take_earlier(&found, json_string(json, i, "name"), after);
  }
  return found;
}

void compare_environment(struct comparison* comparison) {
  const struct contract* contract = comparison->contract;
  const struct promise* promise = comparison->promise;
  sha256_digest(promise->raw, promise->raw_size, comparison->here);
  if (contract->promise != 0 && strcmp(contract->promise, comparison->here) == 0) return;
  const char* image = or_empty(promise->image);
  const char* tag = or_empty(promise->tag);
  if (strcmp(contract->name, image) != 0) differs(comparison, "image", contract->name, image);
  if (contract->build != 0 && strcmp(contract->build, tag) != 0) {
    differs(comparison, "build", contract->build, tag);
  }
  if (contract->component_count > 0) {
    const char* name = next_component(comparison, 0);
    for (; name != 0; name = next_component(comparison, name)) {
      const char* pinned = pinned_version(contract, name);
      const char* here = promised_version(promise, name);
      if (strcmp(pinned, here) != 0) differs(comparison, name, pinned, here);
    }
  }
  if (comparison->count == 0 && contract->promise != 0) {
    differs(comparison, "promise", contract->promise, comparison->here);
  }
  if (comparison->count == 0 && contract->build == 0) {
    // Nothing that could be compared: not the same as being the same.
    FORMAT(comparison->says, "an image that says %s", tag);
    differs(comparison, "digest", contract->digest, comparison->says);
  }
}

bool promise_has_whole_components(struct promise* promise) {
  const struct json* json = &promise->json;
  for (int i = json_first(json, promise->components); i >= 0; i = json_next(json, i)) {
    if (json_string(json, i, "name") != 0 && json_string(json, i, "version") != 0) continue;
    COPY(promise->error, "a component has no \"name\" or no \"version\"");
    promise->state = PROMISE_INVALID;
    return false;
  }
  return true;
}
