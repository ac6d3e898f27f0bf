#include "require.h"

#include <stdbool.h>
#include <string.h>

#include "text.h"

enum { kFactorSize = 128 };

static bool holds(const char* op, int order) {
  if (strcmp(op, "=") == 0) return order == 0;
  if (strcmp(op, "!=") == 0) return order != 0;
  if (strcmp(op, "<") == 0) return order < 0;
  if (strcmp(op, "<=") == 0) return order <= 0;
  if (strcmp(op, ">") == 0) return order > 0;
  return order >= 0;
}

static enum require_result compare(const char* have, const char* op, const char* want) {
  struct version a, b;
  if (!version_parse(want, &b)) return REQUIRE_INVALID;
  if (!version_parse(have, &a)) return REQUIRE_UNKNOWN;
  return holds(op, version_compare(&a, &b)) ? REQUIRE_MET : REQUIRE_UNMET;
}

static enum require_result evaluate_factor(char* factor, const struct require_facts* facts) {
  size_t name = strcspn(factor, "=!<>");
  size_t length = strspn(factor + name, "=!<>");
  const char* value = factor + name + length;
  char op[3] = "";
  if (name == 0 || length == 0 || length > 2 || *value == '\0') return REQUIRE_INVALID;
  memcpy(op, factor + name, length);
  if (strcmp(op, "==") == 0 || (length == 2 && op[1] != '=') || strcmp(op, "!") == 0) {
    return REQUIRE_INVALID;
  }
  factor[name] = '\0';
  if (strcmp(factor, "cuda") == 0) return compare(facts->cuda, op, value);
  if (strcmp(factor, "driver") == 0) return compare(facts->driver, op, value);
  if (strcmp(factor, "arch") == 0) return compare(facts->arch, op, value);
  if (strcmp(factor, "brand") == 0) {
    if (strcmp(op, "=") != 0 && strcmp(op, "!=") != 0) return REQUIRE_INVALID;
    if (facts->brand[0] == '\0') return REQUIRE_UNKNOWN;
    return holds(op, strcmp(facts->brand, value)) ? REQUIRE_MET : REQUIRE_UNMET;
  }
  return REQUIRE_MET;
}

static enum require_result evaluate_term(const char* term, size_t length,
                                         const struct require_facts* facts) {
  enum require_result all = REQUIRE_MET;
  const char* end = term + length;
  while (term < end) {
    const char* comma = memchr(term, ',', (size_t)(end - term));
    size_t size = (size_t)((comma != 0 ? comma : end) - term);
    char factor[kFactorSize];
    if (size >= sizeof factor) return REQUIRE_INVALID;
    memcpy(factor, term, size);
    factor[size] = '\0';
    enum require_result one = evaluate_factor(factor, facts);
    if (one == REQUIRE_INVALID) return one;
    if (one == REQUIRE_UNMET || all == REQUIRE_MET) all = one;
    term += size + 1;
  }
  return all;
}

enum require_result require_evaluate(const char* requirement, const struct require_facts* facts) {
  enum require_result any = REQUIRE_UNMET;
  bool empty = true, invalid = false;
  while (*requirement != '\0') {
    size_t length = strcspn(requirement, " ");
    if (length > 0) {
      empty = false;
      enum require_result one = evaluate_term(requirement, length, facts);
      invalid = invalid || one == REQUIRE_INVALID;
      if (one == REQUIRE_MET || (one == REQUIRE_UNKNOWN && any == REQUIRE_UNMET)) any = one;
    }
    requirement += length;
    requirement += *requirement == ' ';
  }
  if (invalid) return REQUIRE_INVALID;
  return empty ? REQUIRE_MET : any;
}

int require_is_variable(const char* name) {
  return text_starts_with(name, "NVIDIA_REQUIRE_") &&
         !text_starts_with(name, "NVIDIA_REQUIRE_JETPACK");
}
