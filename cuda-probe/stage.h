// Runs one stage in a child of its own, with a deadline.
//
// The child shares `report` with its parent and nothing else: it may crash, hang or print, and the
// probe goes on. Its output goes nowhere. A child that misses its deadline is killed with
// everything it started; one that cannot be killed (blocked in the kernel) is left behind after a
// second.
#ifndef IMGFORGE_PROBE_STAGE_H
#define IMGFORGE_PROBE_STAGE_H

#include "report.h"

struct stage_control;  // the child's line to its parent

typedef void (*stage_function)(struct report* report, const void* context,
                               struct stage_control* control);

// A report in shared memory; 0 with errno if there is none.
struct report* report_create(void);

// Runs `function`; the outcome is in report->stages[stage]. `timeout` seconds, renewed whenever the
// child goes on to its next step.
void stage_run(struct report* report, enum stage stage, double timeout, stage_function function,
               const void* context);

// In the child: says what comes next, for the message if it goes wrong there. The deadline starts
// anew.
void stage_step(struct stage_control* control, const char* format, ...)
    __attribute__((format(printf, 2, 3)));

// In the child: `stage` begins; the one before is done.
void stage_enter(struct stage_control* control, enum stage stage);

#endif
