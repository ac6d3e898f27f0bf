// The result as text for people and as JSON for programs (docs/probe.md has the schema).
#ifndef IMGFORGE_PROBE_SHOW_H
#define IMGFORGE_PROBE_SHOW_H

#include <stdio.h>

#include "promise.h"
#include "report.h"
#include "verdict.h"

// Version of the JSON: a new number means that a reader has to change.
enum { REPORT_VERSION = 1 };

// How a terminal is spoken to.
struct style {
  bool colour;   // escape sequences
  bool unicode;  // marks outside ASCII
};

void show_text(FILE* stream, const struct style* style, const struct report* report,
               const struct promise* promise, const struct verdict* verdict);
void show_json(FILE* stream, const struct report* report, const struct promise* promise,
               const struct verdict* verdict);

// What the image promises, for people.
void show_promise(FILE* stream, const struct promise* promise);

#endif
