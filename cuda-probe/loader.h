// Loading the driver's libraries at run time: the probe is linked against none of them.
#ifndef IMGFORGE_PROBE_LOADER_H
#define IMGFORGE_PROBE_LOADER_H

#include <stdbool.h>
#include <stddef.h>

// dlopen by name, the way any program finds it; `path` gets the file that defines `landmark`, links
// resolved. On failure 0, and the loader's message in `error`.
void* library_open(const char* name, const char* landmark, char* path, size_t path_size,
                   char* error, size_t error_size);

// A function to look up, and where to put it.
struct symbol {
  const char* name;
  void* target;  // of a function pointer
};

// Fills every target; returns the name of the first that is missing, or 0.
const char* library_symbols(void* library, const struct symbol* symbols, size_t count);

#endif
