#include "lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "text.h"

static bool is_blank(char c) { return c == ' ' || c == '\t'; }
static bool is_end(char c) { return c == '\n' || c == '\r' || c == '\0'; }

static bool fail_at(struct lines* lines, enum lines_failure failure, int line, int column,
                    const char* format, va_list values) {
  if (lines->failure != LINES_FINE) return false;
  lines->failure = failure;
  lines->error_line = line;
  lines->error_column = column;
  vsnprintf(lines->error, sizeof lines->error, format, values);
  return false;
}

bool lines_fail(struct lines* lines, enum lines_failure failure, const char* format, ...) {
  va_list values;
  va_start(values, format);
  int column = lines->at == 0 ? 0 : (int)(lines->at - lines->start) + 1;
  fail_at(lines, failure, lines->number, column, format, values);
  va_end(values);
  return false;
}

bool lines_open(struct lines* lines, size_t size) {
  memset(lines, 0, offsetof(struct lines, values));
  lines->text[size] = '\0';
  const char* start = lines->text;
  int number = 1;
  for (const char* at = lines->text; at < lines->text + size; at++) {
    const unsigned char c = (unsigned char)*at;
    if (c == '\n') {
      number++;
      start = at + 1;
    } else if (c == 0x7f || (c < 0x20 && c != '\t' && !(c == '\r' && at[1] == '\n'))) {
      lines->number = number;
      lines->start = start;
      lines->at = at;
      return c == '\r' ? lines_fail(lines, LINES_UNKNOWN, "a line that ends in CR alone")
                       : lines_fail(lines, LINES_WRONG, "it is no text: it has the byte 0x%02x", c);
    }
  }
  return true;
}

void lines_skip_blanks(struct lines* lines) {
  while (is_blank(*lines->at)) lines->at++;
}

bool lines_at_end(const struct lines* lines) {
  if (is_end(*lines->at)) return true;
  return *lines->at == '#' && (lines->at == lines->start || is_blank(lines->at[-1]));
}

// To the beginning of the next line, whatever it is.
static bool next_line(struct lines* lines) {
  if (lines->at == 0) {
    static const char mark[] = "\xef\xbb\xbf";
    lines->start = lines->text + (text_starts_with(lines->text, mark) ? strlen(mark) : 0);
  } else {
    const char* end = lines->start + strcspn(lines->start, "\n");
    lines->at = end;
    if (*end == '\0') return false;
    lines->start = end + 1;
  }
  lines->at = lines->start;
  lines->number++;
  return *lines->start != '\0';
}

bool lines_next(struct lines* lines) {
  if (lines->failure != LINES_FINE) return false;
  if (lines->held) {
    lines->held = false;
    lines->at = lines->start + lines->indent;
    return true;
  }
  while (next_line(lines)) {
    lines_skip_blanks(lines);
    if (lines_at_end(lines)) continue;
    lines->indent = (int)(lines->at - lines->start);
    const char* tab = memchr(lines->start, '\t', (size_t)lines->indent);
    if (tab == 0) return true;
    lines->at = tab;
    return lines_fail(lines, LINES_WRONG, "a tab stands in the indentation");
  }
  return false;
}

void lines_hold(struct lines* lines) { lines->held = true; }

bool lines_take_key(struct lines* lines, const char* key) {
  size_t length = strlen(key);
  if (strncmp(lines->at, key, length) != 0 || lines->at[length] != ':') return false;
  if (!is_blank(lines->at[length + 1]) && !is_end(lines->at[length + 1])) return false;
  lines->at += length + 1;
  return true;
}

static void put(struct lines* lines, char c) { lines->values[lines->used++] = c; }

// A scalar is never longer than its source, and something stands behind it, so its terminator has
// room.
static bool read_quoted(struct lines* lines) {
  const char* from = lines->at;
  const char quote = *lines->at++;
  while (!is_end(*lines->at)) {
    const char c = *lines->at++;
    if (c == quote) {
      if (quote != '\'' || *lines->at != '\'') return true;
      lines->at++;
    } else if (quote == '"' && c == '\\') {
      if (*lines->at != '"' && *lines->at != '\\') {
        return lines_fail(lines, LINES_UNKNOWN, "an escape other than \\\" and \\\\");
      }
      put(lines, *lines->at++);
      continue;
    } else if ((unsigned char)c >= 0x80 || c == '\t') {
      lines->at--;
      return lines_fail(lines, LINES_UNKNOWN, "a character outside ASCII");
    }
    put(lines, c);
  }
  lines->at = from;
  return lines_fail(lines, LINES_UNKNOWN, "a text in quotes that does not end in its line");
}

static bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_plain(const char* at) {
  if (*at == ':') return is_letter_or_digit(at[1]) || (at[1] != '\0' && strchr("._/~@=+", at[1]));
  return is_letter_or_digit(*at) || (*at != '\0' && strchr("._+-/~@=", *at) != 0);
}

static bool is_word_for_null(const char* word, size_t length) {
  static const char* const words[] = {"~", "null", "Null", "NULL"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
    if (strlen(words[i]) == length && strncmp(word, words[i], length) == 0) return true;
  }
  return false;
}

bool lines_scalar(struct lines* lines, const char** value) {
  *value = lines->values + lines->used;
  if (*lines->at == '"' || *lines->at == '\'') {
    if (!read_quoted(lines)) return false;
  } else {
    if (!is_letter_or_digit(*lines->at) && *lines->at != '_' && *lines->at != '/') {
      return lines_fail(lines, LINES_UNKNOWN, "a value that begins with '%c'",
                        *lines->at >= ' ' && *lines->at <= '~' ? *lines->at : '?');
    }
    const char* from = lines->at;
    while (is_plain(lines->at)) put(lines, *lines->at++);
    if (is_word_for_null(from, (size_t)(lines->at - from))) {
      lines->at = from;
      return lines_fail(lines, LINES_UNKNOWN, "null where a text is expected");
    }
  }
  put(lines, '\0');
  return true;
}

bool lines_any_key(struct lines* lines, const char** key) {
  if (!lines_scalar(lines, key)) return false;
  if (!lines_take_key(lines, ""))
    return lines_fail(lines, LINES_UNKNOWN, "a key without ':' and a blank behind it");
  return true;
}

bool lines_end(struct lines* lines) {
  lines_skip_blanks(lines);
  return lines_at_end(lines) || lines_fail(lines, LINES_UNKNOWN, "more than one word");
}

bool lines_value(struct lines* lines, const char** value) {
  *value = 0;
  lines_skip_blanks(lines);
  if (lines_at_end(lines)) return true;
  size_t word = strcspn(lines->at, " \t\r\n");
  if (is_word_for_null(lines->at, word)) {
    lines->at += word;
    return lines_end(lines);
  }
  return lines_scalar(lines, value) && lines_end(lines);
}

// What is open where a line ends.
struct nesting {
  int depth;   // brackets and braces
  char quote;  // 0: none
};

static void skip_line(struct lines* lines, struct nesting* nesting) {
  char before = ' ';
  for (; !is_end(*lines->at); before = *lines->at++) {
    const char c = *lines->at;
    if (nesting->quote != 0) {
      if (nesting->quote == '"' && c == '\\' && !is_end(lines->at[1])) {
        lines->at++;
      } else if (nesting->quote == '\'' && c == '\'' && lines->at[1] == '\'') {
        lines->at++;
      } else if (c == nesting->quote) {
        nesting->quote = 0;
      }
    } else if (c == '#' && is_blank(before)) {
      return;
    } else if ((c == '"' || c == '\'') && strchr(" \t[{,:", before) != 0) {
      nesting->quote = c;
    } else if (c == '[' || c == '{') {
      nesting->depth++;
    } else if (c == ']' || c == '}') {
      nesting->depth--;
    }
  }
}

bool lines_skip_value(struct lines* lines) {
  const char* key_line = lines->start;
  const int number = lines->number;
  struct nesting nesting = {0, 0};
  bool more;
  do {
    skip_line(lines, &nesting);
    more = next_line(lines);
  } while (more && (is_blank(*lines->at) || is_end(*lines->at) || *lines->at == '#'));
  if (nesting.depth != 0 || nesting.quote != 0) {
    lines->at = lines->start = key_line;
    lines->number = number;
    return lines_fail(lines, LINES_UNKNOWN, "a value that does not end before the next key");
  }
  if (more) {
    lines->indent = 0;
    lines->held = true;
  }
  return true;
}
