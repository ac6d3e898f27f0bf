// Small text: bounded copies, numbers and dotted versions, without locale and without functions
// that newer C libraries rename (strtol, sscanf).
#ifndef IMGFORGE_PROBE_TEXT_H
#define IMGFORGE_PROBE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

// Copies as much of `from` as fits; always terminated.
void text_copy(char* to, size_t size, const char* from);
#define COPY(to, from) text_copy((to), sizeof(to), (from))

// Like snprintf, for arrays; a longer text is cut.
#define FORMAT(to, ...) ((void)snprintf((to), sizeof(to), __VA_ARGS__))

// Decimal digits only, no sign, at most `max`; the whole of `text`.
bool text_to_number(const char* text, unsigned long max, unsigned long* value);

bool text_starts_with(const char* text, const char* prefix);
bool text_ends_with(const char* text, const char* suffix);

// A version's numbers: "525.60.13" is {525, 60, 13}; reading stops at what is not a number.
enum { VERSION_PARTS = 6 };
struct version {
  unsigned long part[VERSION_PARTS];
  int count;
};

// False if `text` does not begin with a number.
bool version_parse(const char* text, struct version* out);

// -1, 0, 1; parts that one does not have count as 0.
int version_compare(const struct version* a, const struct version* b);

// Same as far as both go: 9.1.0 and 9.1.0.70 agree.
bool version_agrees(const char* a, const char* b);

// The first line of a file below /proc or /sys or of a text file, without its end; false with errno
// if it cannot be read. Never blocks on a FIFO.
bool read_first_line(const char* path, char* line, size_t size);

// Up to size-1 bytes of a file, terminated; the number read, or -1 with errno.
long read_file(const char* path, char* data, size_t size);

double now_seconds(void);  // monotonic

#endif
