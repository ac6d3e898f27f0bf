#include "json.h"

#include <stdio.h>
#include <string.h>

struct parser {
  struct json* json;
  const char* data;
  size_t size, at;
  size_t used;  // of json->text
};

static bool fail(struct parser* p, const char* what) {
  size_t line = 1, column = 1;
  for (size_t i = 0; i < p->at && i < p->size; i++) {
    column++;
    if (p->data[i] == '\n') {
      line++;
      column = 1;
    }
  }
  snprintf(p->json->error, sizeof p->json->error, "line %zu, column %zu: %s", line, column, what);
  return false;
}

static int peek(const struct parser* p) {
  return p->at < p->size ? (unsigned char)p->data[p->at] : -1;
}

static void skip_space(struct parser* p) {
  while (p->at < p->size && strchr(" \t\r\n", p->data[p->at]) != 0 && p->data[p->at] != '\0')
    p->at++;
}

// Decoded text is never longer than its source, so it always fits.
static void put(struct parser* p, unsigned byte) { p->json->text[p->used++] = (char)byte; }

static void put_utf8(struct parser* p, unsigned long c) {
  if (c < 0x80) {
    put(p, (unsigned)c);
  } else if (c < 0x800) {
    put(p, (unsigned)(0xc0 | c >> 6));
    put(p, (unsigned)(0x80 | (c & 0x3f)));
  } else if (c < 0x10000) {
    put(p, (unsigned)(0xe0 | c >> 12));
    put(p, (unsigned)(0x80 | (c >> 6 & 0x3f)));
    put(p, (unsigned)(0x80 | (c & 0x3f)));
  } else {
    put(p, (unsigned)(0xf0 | c >> 18));
    put(p, (unsigned)(0x80 | (c >> 12 & 0x3f)));
    put(p, (unsigned)(0x80 | (c >> 6 & 0x3f)));
    put(p, (unsigned)(0x80 | (c & 0x3f)));
  }
}

static bool read_hex(struct parser* p, unsigned long* value) {
  *value = 0;
  for (int i = 0; i < 4; i++, p->at++) {
    int c = peek(p);
    int digit = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
    if (digit < 0) return fail(p, "four hexadecimal digits are expected after \\u");
    *value = *value << 4 | (unsigned)digit;
  }
  return true;
}

static bool read_unicode(struct parser* p) {
  unsigned long c, low;
  if (!read_hex(p, &c)) return false;
  if (c >= 0xd800 && c < 0xdc00) {
    if (p->size - p->at < 2 || memcmp(p->data + p->at, "\\u", 2) != 0) {
      return fail(p, "half of a surrogate pair");
    }
    p->at += 2;
    if (!read_hex(p, &low)) return false;
    if (low < 0xdc00 || low > 0xdfff) return fail(p, "half of a surrogate pair");
    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
  } else if (c >= 0xdc00 && c <= 0xdfff) {
    return fail(p, "half of a surrogate pair");
  }
  if (c == 0) return fail(p, "a NUL character is not accepted");
  put_utf8(p, c);
  return true;
}

static bool read_escape(struct parser* p) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  int c = peek(p);
  p->at++;
  if (c == 'u') return read_unicode(p);
  const char* found = c > 0 ? strchr(from, c) : 0;
  if (found == 0) return fail(p, "an unknown escape");
  put(p, (unsigned char)to[found - from]);
  return true;
}

// One multi-byte character: shortest form, no surrogates, at most U+10FFFF.
static bool read_utf8(struct parser* p) {
  unsigned first = (unsigned)peek(p);
  int more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
  unsigned long c = first & (0x3fu >> more);
  if (first < 0xc2 || first > 0xf4) return fail(p, "not UTF-8");
  put(p, first);
  p->at++;
  for (int i = 0; i < more; i++, p->at++) {
    int next = peek(p);
    if (next < 0x80 || next > 0xbf) return fail(p, "not UTF-8");
    c = c << 6 | ((unsigned)next & 0x3f);
    put(p, (unsigned)next);
  }
  static const unsigned long least[] = {0, 0x80, 0x800, 0x10000};
  if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) {
    return fail(p, "not UTF-8");
  }
  return true;
}

static bool read_string(struct parser* p, const char** text) {
  *text = p->json->text + p->used;
  p->at++;
  for (;;) {
    int c = peek(p);
    if (c < 0) return fail(p, "the text ends within a string");
    if (c < 0x20) return fail(p, "a control character in a string");
    if (c == '"') break;
    if (c == '\\') {
      p->at++;
      if (!read_escape(p)) return false;
    } else if (c >= 0x80) {
      if (!read_utf8(p)) return false;
    } else {
      put(p, (unsigned)c);
      p->at++;
    }
  }
  p->at++;
  put(p, 0);
  return true;
}

static bool skip_digits(struct parser* p) {
  size_t from = p->at;
  while (peek(p) >= '0' && peek(p) <= '9') p->at++;
  return p->at > from;
}

static bool read_number(struct parser* p) {
  if (peek(p) == '-') p->at++;
  if (peek(p) == '0') {
    p->at++;
  } else if (!skip_digits(p)) {
    return fail(p, "a value is expected");
  }
  if (peek(p) == '.') {
    p->at++;
    if (!skip_digits(p)) return fail(p, "a digit is expected");
  }
  if (peek(p) == 'e' || peek(p) == 'E') {
    p->at++;
    if (peek(p) == '+' || peek(p) == '-') p->at++;
    if (!skip_digits(p)) return fail(p, "a digit is expected");
  }
  return true;
}

static bool read_literal(struct parser* p, const char* word) {
  size_t length = strlen(word);
  if (p->size - p->at < length || memcmp(p->data + p->at, word, length) != 0) {
    return fail(p, "a value is expected");
  }
  p->at += length;
  return true;
}

// Adds a node below `parent` as the last of its children; -1 with a message if there is no room.
static int add_node(struct parser* p, int parent, int* last_child, const char* name) {
  struct json* json = p->json;
  if (json->count == JSON_MAX_NODES) {
    fail(p, "too many values");
    return -1;
  }
  int index = json->count++;
  json->nodes[index] = (struct json_node){JSON_NULL, parent, -1, -1, name, 0};
  if (parent >= 0) {
    if (*last_child < 0) {
      json->nodes[parent].child = index;
    } else {
      json->nodes[*last_child].next = index;
    }
    *last_child = index;
  }
  return index;
}

// Reads a scalar whole, or the opening bracket of an array or object.
static bool read_value(struct parser* p, int index) {
  struct json_node* node = &p->json->nodes[index];
  size_t from = p->at;
  switch (peek(p)) {
    case '{':
      node->type = JSON_OBJECT;
      p->at++;
      return true;
    case '[':
      node->type = JSON_ARRAY;
      p->at++;
      return true;
    case '"':
      node->type = JSON_STRING;
      return read_string(p, &node->text);
    case 't':
      node->type = JSON_BOOL;
      if (!read_literal(p, "true")) return false;
      break;
    case 'f':
      node->type = JSON_BOOL;
      if (!read_literal(p, "false")) return false;
      break;
    case 'n':
      node->type = JSON_NULL;
      if (!read_literal(p, "null")) return false;
      break;
    default:
      node->type = JSON_NUMBER;
      if (!read_number(p)) return false;
      break;
  }
  node->text = p->json->text + p->used;
  for (size_t i = from; i < p->at; i++) put(p, (unsigned char)p->data[i]);
  put(p, 0);
  return true;
}

static bool read_name(struct parser* p, int object, const char** name) {
  if (peek(p) != '"') return fail(p, "a name in quotes is expected");
  size_t at = p->at;
  if (!read_string(p, name)) return false;
  for (int i = p->json->nodes[object].child; i >= 0; i = p->json->nodes[i].next) {
    if (strcmp(p->json->nodes[i].name, *name) == 0) {
      p->at = at;
      return fail(p, "this name was there before");
    }
  }
  skip_space(p);
  if (peek(p) != ':') return fail(p, "a colon is expected");
  p->at++;
  skip_space(p);
  return true;
}

static bool is_container(const struct json_node* node) {
  return node->type == JSON_ARRAY || node->type == JSON_OBJECT;
}

static bool parse_document(struct parser* p) {
  int open[JSON_MAX_DEPTH], last[JSON_MAX_DEPTH], depth = 0;
  int root = add_node(p, -1, 0, 0);
  skip_space(p);
  if (!read_value(p, root)) return false;
  if (is_container(&p->json->nodes[root])) {
    open[0] = root;
    last[0] = -1;
    depth = 1;
  }
  while (depth > 0) {
    int parent = open[depth - 1];
    bool object = p->json->nodes[parent].type == JSON_OBJECT;
    skip_space(p);
    if (peek(p) == (object ? '}' : ']')) {
      p->at++;
      depth--;
      continue;
    }
    if (last[depth - 1] >= 0) {
      if (peek(p) != ',') return fail(p, "a comma or the closing bracket is expected");
      p->at++;
      skip_space(p);
    }
    const char* name = 0;
    if (object && !read_name(p, parent, &name)) return false;
    int index = add_node(p, parent, &last[depth - 1], name);
    if (index < 0 || !read_value(p, index)) return false;
    if (is_container(&p->json->nodes[index])) {
      if (depth == JSON_MAX_DEPTH) return fail(p, "nested too deeply");
      open[depth] = index;
      last[depth] = -1;
      depth++;
    }
  }
  skip_space(p);
  return p->at == p->size || fail(p, "text after the end of the document");
}

bool json_parse(struct json* json, const char* data, size_t size) {
  struct parser p = {json, data, size, 0, 0};
  json->count = 0;
  json->error[0] = '\0';
  if (size > JSON_MAX_BYTES / 2) return fail(&p, "the document is too large");
  return parse_document(&p);
}

int json_member(const struct json* json, int object, const char* name) {
  if (json_type_of(json, object) != JSON_OBJECT) return -1;
  for (int i = json->nodes[object].child; i >= 0; i = json->nodes[i].next) {
    if (strcmp(json->nodes[i].name, name) == 0) return i;
  }
  return -1;
}

int json_first(const struct json* json, int node) {
  return node < 0 ? -1 : json->nodes[node].child;
}

int json_next(const struct json* json, int node) { return node < 0 ? -1 : json->nodes[node].next; }

enum json_type json_type_of(const struct json* json, int node) {
  return node < 0 ? JSON_NULL : json->nodes[node].type;
}

const char* json_string(const struct json* json, int object, const char* name) {
  int member = json_member(json, object, name);
  return json_type_of(json, member) == JSON_STRING ? json->nodes[member].text : 0;
}
