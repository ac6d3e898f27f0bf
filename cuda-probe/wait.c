#include "wait.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "stages.h"
#include "text.h"

static const double kPause = 1.0;

// What there is to wait for; 0 if nothing. Windows Subsystem for Linux has no nodes but dxg.
static const char* missing(const struct survey* survey) {
  if (survey->dxg) return 0;
  if (survey->gpu_count == 0)
    return "there is no GPU's device node (/dev/nvidia0) in the container";
  if (survey->control.error != 0) return "/dev/nvidiactl cannot be opened yet";
  return 0;
}

// Each reason is told once, when it is a new one.
static void say(struct wait* wait, const char* what) {
  static char said[LINE_SIZE];
  COPY(wait->missing, what);
  if (strcmp(said, wait->missing) == 0) return;
  COPY(said, wait->missing);
  fprintf(stderr, "imgforge: waiting for a GPU, up to %.0f s: %s\n", wait->limit, what);
}

// False if there is no time left.
static bool pause_within(struct wait* wait, double began) {
  double left = began + wait->limit - now_seconds();
  bool again = left > 0;
  if (again) poll(0, 0, (int)((left < kPause ? left : kPause) * 1000) + 1);
  wait->seconds = now_seconds() - began;
  return again;
}

void wait_for_nodes(struct report* report, double began, double limit, double timeout) {
  struct wait* wait = &report->wait;
  wait->limit = limit;
  for (;;) {
    memset(&report->survey, 0, sizeof report->survey);
    memset(&report->stages[STAGE_SURVEY], 0, sizeof report->stages[STAGE_SURVEY]);
    stage_run(report, STAGE_SURVEY, timeout, survey_run, 0);
    wait->looks++;
    if (report->stages[STAGE_SURVEY].state != STAGE_DONE) return;  // a finding of its own
    const char* what = missing(&report->survey);
    if (what == 0) break;
    say(wait, what);
    if (!pause_within(wait, began)) return;
  }
  wait->missing[0] = '\0';
  wait->seconds = now_seconds() - began;
}

// Causes that end when a driver, its services or a GPU's instance have been started. A variable or
// a capability of the container does not change while it runs.
static const struct finding* passing(const struct verdict* verdict) {
  static const char* const causes[] = {"no-driver",
                                       "no-gpu-requested",
                                       "no-device-nodes",
                                       "no-kernel-driver",
                                       "no-device",
                                       "fabric-manager",
                                       "uvm",
                                       "mig-without-instance"};
  for (int i = 0; i < verdict->count; i++) {
    for (size_t k = 0; k < sizeof causes / sizeof causes[0]; k++) {
      if (strcmp(verdict->findings[i].cause, causes[k]) == 0) return &verdict->findings[i];
    }
  }
  return 0;
}

bool wait_for_driver(struct report* report, const struct verdict* verdict, double began,
                     double limit) {
  const struct finding* finding = passing(verdict);
  const bool decides = verdict->deciding < 0 || finding == &verdict->findings[verdict->deciding];
  if (finding == 0 || !decides) return false;
  struct wait* wait = &report->wait;
  if (now_seconds() >= began + limit) {
    if (wait->missing[0] == '\0') COPY(wait->missing, finding->sentence);
    return false;
  }
  wait->limit = limit;
  say(wait, finding->sentence);
  return pause_within(wait, began);
}
