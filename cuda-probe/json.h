// Reading JSON (RFC 8259) of bounded size and depth into a flat table, without recursion.
//
// Strict: no duplicate names, no trailing text, UTF-8 and \u escapes checked. A document larger
// than the limits is refused with a message like any other bad one.
#ifndef IMGFORGE_PROBE_JSON_H
#define IMGFORGE_PROBE_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_MAX_BYTES = 256 * 1024, JSON_MAX_NODES = 8192, JSON_MAX_DEPTH = 16 };

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_node {
  enum json_type type;
  int parent, next, child;  // indexes; -1 for none
  const char* name;         // a member's name, else 0
  const char* text;         // of a string, decoded; of a number or a literal, as written
};

struct json {
  struct json_node nodes[JSON_MAX_NODES];  // nodes[0] is the document
  int count;
  char text[JSON_MAX_BYTES + 1];  // the strings live here
  char error[160];                // with line and column
};

// Parses `size` bytes; false with a message in json->error.
bool json_parse(struct json* json, const char* data, size_t size);

// Walking. Every function takes -1 for "no such node" and passes it on.
int json_member(const struct json* json, int object, const char* name);
int json_first(const struct json* json, int node);
int json_next(const struct json* json, int node);
enum json_type json_type_of(const struct json* json, int node);

// The text of a string member, or 0.
const char* json_string(const struct json* json, int object, const char* name);

#endif
