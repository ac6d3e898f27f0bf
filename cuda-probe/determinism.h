// Determinism: the environment and the helper module that the image promises
// (docs/howto/determinism.md).
#ifndef IMGFORGE_PROBE_DETERMINISM_H
#define IMGFORGE_PROBE_DETERMINISM_H

#include "promise.h"
#include "report.h"

// What is promised, and what this process's environment holds of it. Call it before the stages.
void determinism_collect(const struct promise* promise, struct determinism* determinism);

// In a stage: looks whether the module is on disk.
void determinism_look(struct determinism* determinism);

#endif
