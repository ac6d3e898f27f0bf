// imgforge env check: whether the image around this process is the one that a working tree's
// contract pins (docs/reference/env.md). The same rules and words as src/env/running.cpp.
#ifndef IMGFORGE_PROBE_ENV_CHECK_H
#define IMGFORGE_PROBE_ENV_CHECK_H

#include "options.h"

// The exit code. Says what it finds on stdout, and what is wrong on stderr.
int env_check(const struct options* options);

#endif
