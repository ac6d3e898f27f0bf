// Reads YAML of the plainest sort, line by line: what `imgforge env pin` writes, and what people
// write beside it. Not a parser of YAML: what it does not know is an error, never a guess.
#ifndef IMGFORGE_PROBE_LINES_H
#define IMGFORGE_PROBE_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "report.h"

enum { LINES_MAX_BYTES = 128 * 1024 };

enum lines_failure {
  LINES_FINE,
  LINES_WRONG,    // wrong in any reader's eyes
  LINES_UNKNOWN,  // may be right, in a form that is not read here
};

struct lines {
  const char* at;      // in the line; before the first: 0
  const char* start;   // of the line
  bool held;           // the line is to be read once more
  int number, indent;  // of the line, from 1; its blanks
  enum lines_failure failure;
  char error[LINE_SIZE];
  int error_line, error_column;
  size_t used;                       // of values
  char values[LINES_MAX_BYTES + 2];  // the texts of scalars
  char text[LINES_MAX_BYTES + 2];
};

// The whole text: `size` bytes of lines->text. False: it is no text.
bool lines_open(struct lines* lines, size_t size);

// The next line that is neither empty nor a comment, with its indentation behind it; false at the
// end of the text, or with an error where tabs indent.
bool lines_next(struct lines* lines);
void lines_hold(struct lines* lines);  // lets lines_next give this line again

// Whether the line goes on with `key`, a colon, and a blank or its end; stands behind them then.
bool lines_take_key(struct lines* lines, const char* key);

// A text in double or single quotes, or without: letters, digits and ._+:/~@=-
bool lines_scalar(struct lines* lines, const char** value);
// A scalar and then a colon, with a blank or the end of the line behind it.
bool lines_any_key(struct lines* lines, const char** key);
// What stands behind a key: a scalar, and *value is 0 for nothing or null; then the line's end.
bool lines_value(struct lines* lines, const char** value);
// Only a comment may follow.
bool lines_end(struct lines* lines);

// Leaves out the rest of a value of the first column, up to the next line that begins there.
bool lines_skip_value(struct lines* lines);

// Stands at the line's end, or before a comment.
bool lines_at_end(const struct lines* lines);
void lines_skip_blanks(struct lines* lines);

// Notes an error at this place, the first one counts; false.
bool lines_fail(struct lines* lines, enum lines_failure failure, const char* format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
