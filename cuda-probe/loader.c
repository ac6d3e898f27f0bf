#include "loader.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

void* library_open(const char* name, const char* landmark, char* path, size_t path_size,
                   char* error, size_t error_size) {
  void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (library == 0) {
    const char* message = dlerror();
    text_copy(error, error_size, message != 0 ? message : "no reason given");
    return 0;
  }
  Dl_info where;
  void* address = dlsym(library, landmark);
  if (address != 0 && dladdr(address, &where) != 0 && where.dli_fname != 0) {
    char resolved[PATH_MAX];
    text_copy(path, path_size,
              realpath(where.dli_fname, resolved) != 0 ? resolved : where.dli_fname);
  }
  return library;
}

const char* library_symbols(void* library, const struct symbol* symbols, size_t count) {
  const char* missing = 0;
  for (size_t i = 0; i < count; i++) {
    void* address = dlsym(library, symbols[i].name);
    memcpy(symbols[i].target, &address, sizeof address);
    if (address == 0 && missing == 0) missing = symbols[i].name;
  }
  return missing;
}
