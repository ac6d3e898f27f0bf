// How the image around this process differs from the one that a contract pins: pure functions of
// the two documents, by the rules of src/env/running.cpp.
#ifndef IMGFORGE_PROBE_DIFFERENCES_H
#define IMGFORGE_PROBE_DIFFERENCES_H

#include "contract.h"
#include "promise.h"
#include "sha256.h"

struct difference {
  const char *what, *pinned, *running;
};

struct comparison {
  const struct contract* contract;
  const struct promise* promise;
  char here[DIGEST_SIZE];     // of the promise
  char says[LINE_SIZE + 32];  // "an image that says ..."
  int count;
  struct difference differences[CONTRACT_MAX_COMPONENTS + JSON_MAX_NODES / 3 + 4];
};

// Fills a comparison of which only `contract`, with a pin, and `promise`, present, are set. No
// difference: it is the pinned environment.
void compare_environment(struct comparison* comparison);

// Whether every component has a name and a version; else the promise is invalid from now on.
bool promise_has_whole_components(struct promise* promise);

#endif
