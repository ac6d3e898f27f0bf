// --wait: looks at the container once a second until a GPU has appeared, without touching the
// driver before its device nodes are there.
#ifndef IMGFORGE_PROBE_WAIT_H
#define IMGFORGE_PROBE_WAIT_H

#include "verdict.h"

// Runs the survey until a GPU's nodes are there or `limit` seconds have passed since `began`
// (now_seconds); says on stderr what it waits for. `timeout` is the survey's own deadline.
void wait_for_nodes(struct report* report, double began, double limit, double timeout);

// After the stages: whether what failed may pass by itself, as while a driver or the NVSwitch
// fabric is being started. Then it has slept a second, has said why, and the stages may run again.
bool wait_for_driver(struct report* report, const struct verdict* verdict, double began,
                     double limit);

#endif
