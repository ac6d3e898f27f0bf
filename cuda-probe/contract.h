// The contract: `.imgforge.yaml` of a git repository, which says in which image its code runs
// (docs/reference/env.md). Read here are `imgforge`, `repository` and `pin`; of the other keys only
// that they are known. Not everything that is YAML is understood (lines.h).
#ifndef IMGFORGE_PROBE_CONTRACT_H
#define IMGFORGE_PROBE_CONTRACT_H

#include "lines.h"

#define CONTRACT_FILE ".imgforge.yaml"

enum { CONTRACT_VERSION = 1, CONTRACT_MAX_COMPONENTS = 256, CONTRACT_PATH_SIZE = 4096 };

enum contract_state {
  CONTRACT_PRESENT,
  CONTRACT_ABSENT,
  CONTRACT_UNREADABLE,  // the file cannot be read
  CONTRACT_INVALID,
  CONTRACT_UNKNOWN,  // in a form that is not read here
};

struct contract {
  enum contract_state state;
  char path[CONTRACT_PATH_SIZE];
  char error[CONTRACT_PATH_SIZE + LINE_SIZE];  // unless present
  int line, column;                            // of the error; 0: of the whole
  const char* repository;                      // HOST/PATH
  const char* name;                            // its last part
  bool pinned;                                 // what follows is there
  const char *tag, *digest;
  const char *build, *promise;  // 0 where the pin has none
  int component_count;
  struct {
    const char *name, *version;
  } components[CONTRACT_MAX_COMPONENTS];
  struct lines lines;  // the texts live here
};

// Reads `path`; 0: the file in the current folder, or in the nearest one above it that has it, but
// not above one with a `.git`. Never fails: the state says what became of it.
void contract_load(struct contract* contract, const char* path);

#endif
