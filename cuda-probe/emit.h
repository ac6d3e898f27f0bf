// Writes one JSON document to a stream: brackets and commas are right by construction, text becomes
// valid UTF-8 whatever it was.
#ifndef IMGFORGE_PROBE_EMIT_H
#define IMGFORGE_PROBE_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { EMIT_MAX_DEPTH = 12 };

struct emitter {
  FILE* stream;
  int depth;
  bool filled[EMIT_MAX_DEPTH];
  char closing[EMIT_MAX_DEPTH];
};

void emit_begin(struct emitter* emitter, FILE* stream);

// `name` is 0 within an array, and for the document itself.
void emit_open(struct emitter* emitter, const char* name, char bracket);
void emit_close(struct emitter* emitter);
void emit_finish(struct emitter* emitter);  // closes what is open, ends the line

void emit_text(struct emitter* emitter, const char* name, const char* text);   // 0 is null
void emit_known(struct emitter* emitter, const char* name, const char* text);  // "" is null
void emit_integer(struct emitter* emitter, const char* name, int64_t value);
void emit_decimal(struct emitter* emitter, const char* name, double value);  // three places
void emit_bool(struct emitter* emitter, const char* name, bool value);
void emit_null(struct emitter* emitter, const char* name);

#endif
