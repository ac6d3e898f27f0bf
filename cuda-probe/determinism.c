#include "determinism.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

enum {
  MAX_VARIABLES =
      sizeof((struct determinism*)0)->variables / sizeof((struct determinism*)0)->variables[0]
};

// A module's name becomes a file's name and a word for Python: letters, digits, underscores.
static bool is_module_name(const char* name) {
  size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
  return length > 0 && length < WORD_SIZE && name[length] == '\0' &&
         (name[0] < '0' || name[0] > '9');
}

void determinism_collect(const struct promise* promise, struct determinism* determinism) {
  const struct json* json = &promise->json;
  memset(determinism, 0, sizeof *determinism);
  if (promise->state != PROMISE_PRESENT || promise->determinism < 0) return;
  determinism->promised = true;
  const char* module = json_string(json, promise->determinism, "module");
  if (module != 0 && is_module_name(module)) {
    COPY(determinism->module, module);
    if (promise->site_packages != 0) {
      FORMAT(determinism->module_path, "%.400s/%s.py", promise->site_packages, module);
    }
  }
  int environment = json_member(json, promise->determinism, "environment");
  if (json_type_of(json, environment) != JSON_OBJECT) return;
  for (int i = json_first(json, environment); i >= 0; i = json_next(json, i)) {
    if (determinism->variable_count == MAX_VARIABLES) break;
    if (json_type_of(json, i) != JSON_STRING) continue;
    const char* name = json->nodes[i].name;
    const char* value = getenv(name);
    int at = determinism->variable_count++;
    COPY(determinism->variables[at].name, name);
    COPY(determinism->variables[at].promised, json->nodes[i].text);
    determinism->variables[at].found.set = value != 0;
    if (value != 0) COPY(determinism->variables[at].found.value, value);
  }
}

void determinism_look(struct determinism* determinism) {
  determinism->module_there = access(determinism->module_path, R_OK) == 0;
}
