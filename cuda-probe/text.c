#include "text.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void text_copy(char* to, size_t size, const char* from) {
  size_t length = strnlen(from, size - 1);
  memmove(to, from, length);
  to[length] = '\0';
}

bool text_to_number(const char* text, unsigned long max, unsigned long* value) {
  unsigned long n = 0;
  if (*text == '\0') return false;
  for (; *text != '\0'; text++) {
    if (*text < '0' || *text > '9') return false;
    unsigned long digit = (unsigned long)(*text - '0');
    if (n > (max - digit) / 10) return false;
    n = n * 10 + digit;
  }
  *value = n;
  return n <= max;
}

bool text_starts_with(const char* text, const char* prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char* text, const char* suffix) {
  size_t length = strlen(text), tail = strlen(suffix);
  return length >= tail && strcmp(text + length - tail, suffix) == 0;
}

bool version_parse(const char* text, struct version* out) {
  memset(out, 0, sizeof *out);
  while (out->count < VERSION_PARTS && *text >= '0' && *text <= '9') {
    unsigned long n = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
      if (n < 1000000000) n = n * 10 + (unsigned long)(*text - '0');
    }
    out->part[out->count++] = n;
    if (*text != '.') break;
    text++;
  }
  return out->count > 0;
}

int version_compare(const struct version* a, const struct version* b) {
  for (int i = 0; i < VERSION_PARTS; i++) {
    if (a->part[i] != b->part[i]) return a->part[i] < b->part[i] ? -1 : 1;
  }
  return 0;
}

bool version_agrees(const char* a, const char* b) {
  struct version x, y;
  if (!version_parse(a, &x) || !version_parse(b, &y)) return strcmp(a, b) == 0;
  for (int i = 0; i < x.count && i < y.count; i++) {
    if (x.part[i] != y.part[i]) return false;
  }
  return true;
}

long read_file(const char* path, char* data, size_t size) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return -1;
  size_t have = 0;
  while (have + 1 < size) {
    ssize_t n = read(fd, data + have, size - 1 - have);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int failure = errno;
      close(fd);
      errno = failure;
      return -1;
    }
    if (n == 0) break;
    have += (size_t)n;
  }
  close(fd);
  data[have] = '\0';
  return (long)have;
}

bool read_first_line(const char* path, char* line, size_t size) {
  if (read_file(path, line, size) < 0) return false;
  line[strcspn(line, "\n")] = '\0';
  return true;
}

double now_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
