// What --deep found out, and determinism: the torch part of the table and of the JSON.
#ifndef IMGFORGE_PROBE_SHOW_TORCH_H
#define IMGFORGE_PROBE_SHOW_TORCH_H

#include "emit.h"
#include "report.h"

// "torch", "determinism" and "wait" of the report; null where they were not asked for or promised.
void emit_torch(struct emitter* e, const struct report* report);
void emit_determinism(struct emitter* e, const struct determinism* determinism);
void emit_wait(struct emitter* e, const struct wait* wait);

// Whether every promised variable has its promised value.
bool determinism_active(const struct determinism* determinism);

#endif
