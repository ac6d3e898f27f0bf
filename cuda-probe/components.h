// Finds the version of a promised component that is really in the image, by reading files: torch's
// version.py, the names of *.dist-info folders, pyvenv.cfg, os-release. No Python is started.
#ifndef IMGFORGE_PROBE_COMPONENTS_H
#define IMGFORGE_PROBE_COMPONENTS_H

#include "promise.h"

// Fills state, found, found_cuda and source from name and promised. Unchecked where no file tells.
void component_check(const struct promise* promise, struct component* component);

#endif
