// The stages' functions, in the order in which they run; each fills its part of the report.
#ifndef IMGFORGE_PROBE_STAGES_H
#define IMGFORGE_PROBE_STAGES_H

#include "promise.h"
#include "stage.h"

// Looks at the container from outside. Loads no driver library, and does not open a GPU's node
// (that would wake the GPU, and the driver opens it anyway).
void survey_run(struct report* report, const void* unused, struct stage_control* control);

void nvml_run(struct report* report, const void* unused, struct stage_control* control);

struct driver_options {
  bool compute;  // go on to STAGE_COMPUTE on every device
};

// STAGE_DRIVER, and STAGE_COMPUTE in the same process: starting the driver takes longer than all
// the rest. `context` is a struct driver_options.
void driver_run(struct report* report, const void* context, struct stage_control* control);

// Opens every GPU's node; for finding out why the driver did not start.
void nodes_run(struct report* report, const void* unused, struct stage_control* control);

// `context` is a struct promise.
void libraries_run(struct report* report, const void* context, struct stage_control* control);

// Starts the image's Python and reads what torch_check.py finds out. `context` is a struct promise.
// Ends by the signal that ended the interpreter.
void torch_run(struct report* report, const void* context, struct stage_control* control);

#endif
