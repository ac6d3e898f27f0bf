// The command line: `probe`, `info` and `env check`, their options, and the help.
#ifndef IMGFORGE_PROBE_OPTIONS_H
#define IMGFORGE_PROBE_OPTIONS_H

#include <stdbool.h>

struct options {
  bool info, env_check, json, allow_no_gpu;
  const char* contract;  // of env check; 0: the nearest
  const char* promise;
  bool promise_given;
  double timeout, torch_timeout;  // seconds for one step
  double wait;                    // seconds; 0: do not wait
  unsigned stages;                // bits 1 << enum stage
};

// -1, or the exit code where it ends here: what had to be said then has been said.
int options_parse(int argc, char** argv, struct options* options);

// "imgforge: ...; see imgforge --help" on stderr; the exit code for it.
int options_refuse(const char* format, const char* what);

#endif
