#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sha256.h"
#include "text.h"

static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_letter(char c) { return is_lower(c) || (c >= 'A' && c <= 'Z'); }

// At most 128 letters, digits, _ . - and the first none of . -
static bool is_tag(const char* text) {
  const char* allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  size_t length = strlen(text);
  return length > 0 && length <= 128 && *text != '.' && *text != '-' &&
         strspn(text, allowed) == length;
}

static bool is_digest(const char* text) {
  static const char prefix[] = "sha256:";
  return text_starts_with(text, prefix) && strlen(text) == DIGEST_SIZE - 1 &&
         strspn(text + strlen(prefix), "0123456789abcdef") == 64;
}

// Letters, digits and - with single dots between them; then perhaps a port.
static bool is_host(const char* text, size_t length) {
  const char* end = text + length;
  const char* colon = memchr(text, ':', length);
  if (colon != 0) {
    unsigned long port = 0;
    char digits[8];
    if (end - colon < 2 || end - colon > 6) return false;
    FORMAT(digits, "%.*s", (int)(end - colon - 1), colon + 1);
    if (!text_to_number(digits, 65535, &port) || port == 0) return false;
    end = colon;
  } else if (memchr(text, '.', length) == 0 && strncmp(text, "localhost/", length + 1) != 0) {
    return false;
  }
  for (const char* at = text; at < end; at++) {
    bool word = is_letter(*at) || is_digit(*at);
    bool inside = at > text && at + 1 < end;
    bool dash = *at == '-' && inside && at[-1] != '.' && at[1] != '.';
    bool dot = *at == '.' && inside && at[-1] != '.';
    if (!word && !dash && !dot) return false;
  }
  return end > text;
}

// Lower-case letters and digits in words; between them . or _ or __ or dashes.
static bool is_path_part(const char* text, size_t length) {
  size_t at = 0;
  for (;;) {
    size_t word = at;
    while (at < length && (is_lower(text[at]) || is_digit(text[at]))) at++;
    if (at == word) return false;
    if (at == length) return true;
    size_t from = at;
    while (at < length && text[at] == text[from]) at++;
    size_t count = at - from;
    char c = text[from];
    if (!(c == '-' || (c == '_' && count <= 2) || (c == '.' && count == 1))) return false;
  }
}

static bool is_repository(const char* text) {
  const char* slash = strchr(text, '/');
  if (slash == 0 || strlen(text) > 255 || !is_host(text, (size_t)(slash - text))) return false;
  for (const char* part = slash + 1;; part++) {
    size_t length = strcspn(part, "/");
    if (!is_path_part(part, length)) return false;
    part += length;
    if (*part == '\0') return true;
  }
}

static bool no_value(struct lines* lines, const char* key) {
  return lines_fail(lines, LINES_WRONG, "\"%s\" has no value", key);
}

static bool unknown_key(struct lines* lines, const char* map) {
  const char* from = lines->at;
  const char* name;
  if (*from == '"' || *from == '\'') {
    return lines_fail(lines, LINES_UNKNOWN, "a key of %s in quotes", map);
  }
  if (!lines_any_key(lines, &name)) return false;
  lines->at = from;
  return lines_fail(lines, LINES_WRONG, "%s has no key \"%.60s\"", map, name);
}

// A value of its own grammar; 0 for none.
static bool read_checked(struct lines* lines, const char* key, bool (*is_right)(const char*),
                         const char* what, const char** value) {
  lines_skip_blanks(lines);
  const char* from = lines->at;
  if (!lines_value(lines, value)) return false;
  if (*value == 0 || is_right(*value)) return true;
  lines->at = from;
  return lines_fail(lines, LINES_WRONG, "\"%s\" must be %s, and is '%.100s'", key, what, *value);
}

static bool add_component(struct contract* contract, const char* name, const char* version) {
  for (int i = 0; i < contract->component_count; i++) {
    if (strcmp(contract->components[i].name, name) == 0) {
      return lines_fail(&contract->lines, LINES_WRONG, "the key \"%.60s\" stands twice", name);
    }
  }
  if (contract->component_count == CONTRACT_MAX_COMPONENTS) {
    return lines_fail(&contract->lines, LINES_UNKNOWN, "more than %d components",
                      CONTRACT_MAX_COMPONENTS);
  }
  contract->components[contract->component_count].name = name;
  contract->components[contract->component_count].version = version;
  contract->component_count++;
  return true;
}

// {torch: "2.6.0", cuda: "12.4"}, in one line.
static bool read_components_in_braces(struct contract* contract) {
  struct lines* lines = &contract->lines;
  const char *name, *version;
  lines->at++;
  lines_skip_blanks(lines);
  if (*lines->at == '}') {
    lines->at++;
    return lines_end(lines);
  }
  for (;;) {
    lines_skip_blanks(lines);
    if (!lines_any_key(lines, &name)) return false;
    lines_skip_blanks(lines);
    if (!lines_scalar(lines, &version) || !add_component(contract, name, version)) return false;
    lines_skip_blanks(lines);
    const char c = *lines->at++;
    if (c == '}') return lines_end(lines);
    if (c != ',') {
      lines->at--;
      return lines_fail(lines, LINES_UNKNOWN, "braces that do not end in their line");
    }
  }
}

// Whether the next line belongs to the map that is indented by *indent, or, if that is 0, begins
// one that is indented by more than `outer`. False too where it is an error.
static bool next_of_map(struct lines* lines, int outer, int* indent) {
  if (!lines_next(lines)) return false;
  if (lines->indent <= outer) {
    lines_hold(lines);
    return false;
  }
  if (*indent == 0) *indent = lines->indent;
  if (lines->indent == *indent) return true;
  return lines_fail(lines, LINES_UNKNOWN, "another indentation than in the lines before");
}

static bool read_components(struct contract* contract, int outer) {
  struct lines* lines = &contract->lines;
  const char *name, *version;
  int indent = 0;
  lines_skip_blanks(lines);
  if (*lines->at == '{') return read_components_in_braces(contract);
  const bool is_open = lines_at_end(lines);  // not a word for null
  if (!lines_value(lines, &version)) return false;
  if (version != 0) return lines_fail(lines, LINES_WRONG, "\"components\" must be a map of texts");
  while (is_open && next_of_map(lines, outer, &indent)) {
    if (!lines_any_key(lines, &name) || !lines_value(lines, &version)) return false;
    if (version == 0) return no_value(lines, name);
    if (!add_component(contract, name, version)) return false;
  }
  return lines->failure == LINES_FINE;
}

enum pin_key { PIN_TAG, PIN_DIGEST, PIN_BUILD, PIN_PROMISE, PIN_COMPONENTS, PIN_KEYS };

// One key of the pin, with its value.
static bool read_pin_key(struct contract* contract, int indent, unsigned* seen) {
  static const char* const keys[PIN_KEYS] = {"tag", "digest", "build", "promise", "components"};
  static const char digest[] = "sha256: and 64 lower-case hex digits";
  struct lines* lines = &contract->lines;
  const char* from = lines->at;
  int key = 0;
  while (key < PIN_KEYS && !lines_take_key(lines, keys[key])) key++;
  if (key == PIN_KEYS) {
    return unknown_key(lines, "the pin");
  }
  if (*seen & 1u << key) {
    lines->at = from;
    return lines_fail(lines, LINES_WRONG, "the key \"%s\" stands twice", keys[key]);
  }
  *seen |= 1u << key;
  switch (key) {
    case PIN_TAG:
      return read_checked(lines, "tag", is_tag, "a tag", &contract->tag);
    case PIN_DIGEST:
      return read_checked(lines, "digest", is_digest, digest, &contract->digest);
    case PIN_PROMISE:
      return read_checked(lines, "promise", is_digest, digest, &contract->promise);
    case PIN_COMPONENTS:
      return read_components(contract, indent);
    default:
      break;
  }
  // An empty text says the same as no build tag.
  lines_skip_blanks(lines);
  from = lines->at;
  if (!lines_value(lines, &contract->build)) return false;
  if (contract->build != 0 && *contract->build == '\0') contract->build = 0;
  if (contract->build == 0 || is_tag(contract->build)) return true;
  lines->at = from;
  return lines_fail(lines, LINES_WRONG, "\"build\" must be a tag, and is '%.100s'",
                    contract->build);
}

static bool read_pin(struct contract* contract) {
  struct lines* lines = &contract->lines;
  const char* nothing;
  int indent = 0;
  unsigned seen = 0;
  lines_skip_blanks(lines);
  if (*lines->at == '{') return lines_fail(lines, LINES_UNKNOWN, "a pin in braces");
  const char* from = lines->at;
  const int number = lines->number;
  const char* start = lines->start;
  const bool is_open = lines_at_end(lines);  // not a word for null
  if (!lines_value(lines, &nothing)) return false;
  if (nothing != 0) {
    lines->at = from;
    return lines_fail(lines, LINES_WRONG, "the pin must be a map of keys");
  }
  while (is_open && next_of_map(lines, 0, &indent)) {
    if (!read_pin_key(contract, indent, &seen)) return false;
  }
  if (lines->failure != LINES_FINE) return false;
  if (indent == 0) return true;
  contract->pinned = true;
  if (contract->tag != 0 && contract->digest != 0) return true;
  lines->at = from;
  lines->start = start;
  lines->number = number;
  return lines_fail(lines, LINES_WRONG, "the pin has no \"%s\"",
                    contract->tag == 0 ? "tag" : "digest");
}

static bool is_version(const char* text) { return strcmp(text, "1") == 0; }

enum key { KEY_IMGFORGE, KEY_REPOSITORY, KEY_PIN, KEY_BRANCHES, KEY_HOOKS, KEY_TRUST, KEYS };

static bool read_key(struct contract* contract, unsigned* seen) {
  static const char* const keys[KEYS] = {"imgforge", "repository", "pin",
                                         "branches", "hooks",      "trust_policy"};
  struct lines* lines = &contract->lines;
  const char* from = lines->at;
  const char* value;
  int key = 0;
  if (lines->indent > 0) return lines_fail(lines, LINES_UNKNOWN, "an indented line");
  while (key < KEYS && !lines_take_key(lines, keys[key])) key++;
  if (key == KEYS) {
    return unknown_key(lines, "the contract");
  }
  if (*seen & 1u << key) {
    lines->at = from;
    return lines_fail(lines, LINES_WRONG, "the key \"%s\" stands twice", keys[key]);
  }
  *seen |= 1u << key;
  switch (key) {
    case KEY_IMGFORGE:
      if (!read_checked(lines, "imgforge", is_version, "1, the format", &value)) return false;
      return value != 0 || no_value(lines, "imgforge");
    case KEY_REPOSITORY:
      return read_checked(lines, "repository", is_repository,
                          "HOST/PATH, without a tag and a digest", &contract->repository);
    case KEY_PIN:
      return read_pin(contract);
    default:
      return lines_skip_value(lines);
  }
}

static bool read_keys(struct contract* contract) {
  struct lines* lines = &contract->lines;
  unsigned seen = 0;
  bool begun = false;
  while (lines_next(lines)) {
    if (!begun && lines->indent == 0 && text_starts_with(lines->at, "---")) {
      begun = true;
      lines->at += strlen("---");
      if (!lines_end(lines)) return false;
      continue;
    }
    begun = true;
    if (!read_key(contract, &seen)) return false;
  }
  if (lines->failure != LINES_FINE) return false;
  if (contract->repository != 0 && seen & 1u << KEY_IMGFORGE) return true;
  lines->at = lines->start = lines->text;
  lines->number = 1;
  return lines_fail(lines, LINES_WRONG, "the contract has no \"%s\"",
                    seen & 1u << KEY_IMGFORGE ? "repository" : "imgforge");
}

// `path` becomes the nearest file, or the one that is missing. False if the folder has no name.
static bool find(char path[CONTRACT_PATH_SIZE]) {
  char folder[CONTRACT_PATH_SIZE - sizeof "/" CONTRACT_FILE];
  if (getcwd(folder, sizeof folder) == 0 || *folder != '/') return false;
  if (strcmp(folder, "/") == 0) *folder = '\0';
  for (;;) {
    snprintf(path, CONTRACT_PATH_SIZE, "%s/%s", folder, CONTRACT_FILE);
    if (access(path, F_OK) == 0) return true;
    snprintf(path, CONTRACT_PATH_SIZE, "%s/.git", folder);
    if (*folder == '\0' || access(path, F_OK) == 0) break;
    *strrchr(folder, '/') = '\0';
  }
  snprintf(path, CONTRACT_PATH_SIZE, "%s/%s", folder, CONTRACT_FILE);
  return true;
}

static void cannot_read(struct contract* contract, const char* why) {
  contract->state = errno == ENOENT ? CONTRACT_ABSENT : CONTRACT_UNREADABLE;
  FORMAT(contract->error, "cannot read %s: %s", contract->path, why);
}

void contract_load(struct contract* contract, const char* path) {
  memset(contract, 0, offsetof(struct contract, lines));
  if (path != 0 && strlen(path) < sizeof contract->path) {
    COPY(contract->path, path);
  } else if (path != 0) {
    COPY(contract->path, path);
    return cannot_read(contract, strerror(errno = ENAMETOOLONG));
  } else if (!find(contract->path)) {
    COPY(contract->path, CONTRACT_FILE);
    return cannot_read(contract, strerror(errno));
  }
  struct lines* lines = &contract->lines;
  long have = read_file(contract->path, lines->text, sizeof lines->text);
  if (have < 0) return cannot_read(contract, strerror(errno));
  if (have > LINES_MAX_BYTES) {
    contract->state = CONTRACT_UNKNOWN;
    FORMAT(contract->error, "it is larger than %d KiB", LINES_MAX_BYTES / 1024);
    return;
  }
  if (lines_open(lines, (size_t)have) && read_keys(contract)) {
    contract->name = strrchr(contract->repository, '/') + 1;
    return;
  }
  contract->state = lines->failure == LINES_WRONG ? CONTRACT_INVALID : CONTRACT_UNKNOWN;
  COPY(contract->error, lines->error);
  contract->line = lines->error_line;
  contract->column = lines->error_column;
}
