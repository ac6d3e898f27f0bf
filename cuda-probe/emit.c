#include "emit.h"

#include <inttypes.h>
#include <string.h>

void emit_begin(struct emitter* emitter, FILE* stream) {
  memset(emitter, 0, sizeof *emitter);
  emitter->stream = stream;
}

// The length of the UTF-8 character at `text`, 0 if there is none.
static int character(const unsigned char* text) {
  if (text[0] < 0x80) return 1;
  int length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : 2;
  if (text[0] < 0xc2 || text[0] > 0xf4) return 0;
  for (int i = 1; i < length; i++) {
    if ((text[i] & 0xc0) != 0x80) return 0;
  }
  bool overlong = (text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xf0 && text[1] < 0x90);
  bool beyond = (text[0] == 0xed && text[1] > 0x9f) || (text[0] == 0xf4 && text[1] > 0x8f);
  return overlong || beyond ? 0 : length;
}

static void put_string(FILE* stream, const char* string) {
  const unsigned char* text = (const unsigned char*)string;
  fputc('"', stream);
  while (*text != 0) {
    int length = character(text);
    if (length == 0) {
      fputs("\\ufffd", stream);
      text++;
    } else if (*text == '"' || *text == '\\') {
      fprintf(stream, "\\%c", *text++);
    } else if (*text == '\n') {
      fputs("\\n", stream);
      text++;
    } else if (*text < 0x20 || *text == 0x7f) {
      fprintf(stream, "\\u%04x", *text++);
    } else {
      fwrite(text, 1, (size_t)length, stream);
      text += length;
    }
  }
  fputc('"', stream);
}

static void indent(struct emitter* emitter) {
  fputc('\n', emitter->stream);
  for (int i = 0; i < emitter->depth; i++) fputs("  ", emitter->stream);
}

static void begin_value(struct emitter* emitter, const char* name) {
  if (emitter->depth > 0) {
    if (emitter->filled[emitter->depth - 1]) fputc(',', emitter->stream);
    emitter->filled[emitter->depth - 1] = true;
    indent(emitter);
  }
  if (name != 0) {
    put_string(emitter->stream, name);
    fputs(": ", emitter->stream);
  }
}

void emit_open(struct emitter* emitter, const char* name, char bracket) {
  begin_value(emitter, name);
  fputc(bracket, emitter->stream);
  emitter->closing[emitter->depth] = bracket == '{' ? '}' : ']';
  emitter->filled[emitter->depth] = false;
  emitter->depth++;
}

void emit_close(struct emitter* emitter) {
  emitter->depth--;
  if (emitter->filled[emitter->depth]) indent(emitter);
  fputc(emitter->closing[emitter->depth], emitter->stream);
}

void emit_finish(struct emitter* emitter) {
  while (emitter->depth > 0) emit_close(emitter);
  fputc('\n', emitter->stream);
}

void emit_text(struct emitter* emitter, const char* name, const char* text) {
  if (text == 0) {
    emit_null(emitter, name);
    return;
  }
  begin_value(emitter, name);
  put_string(emitter->stream, text);
}

void emit_known(struct emitter* emitter, const char* name, const char* text) {
  emit_text(emitter, name, text[0] != '\0' ? text : 0);
}

void emit_integer(struct emitter* emitter, const char* name, int64_t value) {
  begin_value(emitter, name);
  fprintf(emitter->stream, "%" PRId64, value);
}

void emit_decimal(struct emitter* emitter, const char* name, double value) {
  begin_value(emitter, name);
  fprintf(emitter->stream, "%.3f", value);
}

void emit_bool(struct emitter* emitter, const char* name, bool value) {
  begin_value(emitter, name);
  fputs(value ? "true" : "false", emitter->stream);
}

void emit_null(struct emitter* emitter, const char* name) {
  begin_value(emitter, name);
  fputs("null", emitter->stream);
}
