#include "components.h"

#include <dirent.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

// The value of `name = 'value'`, `name: type = "value"` or `name=value` in a text of lines; false
// if there is no such line. Good for version.py, pyvenv.cfg and os-release.
static bool find_setting(const char* text, const char* name, char* value, size_t size) {
  size_t length = strlen(name);
  for (const char* line = text; line != 0; line = strchr(line, '\n')) {
    if (*line == '\n') line++;
    if (strncmp(line, name, length) != 0 || strchr(" :=", line[length]) == 0) continue;
    size_t rest = strcspn(line, "\n");
    const char* equals = memchr(line, '=', rest);
    if (equals == 0) continue;
    const char* end = line + rest;
    const char* from = equals + 1;
    while (from < end && strchr(" \t'\"", *from) != 0) from++;
    while (end > from && strchr(" \t\r'\"", end[-1]) != 0) end--;
    snprintf(value, size, "%.*s", (int)(end - from), from);
    return true;
  }
  return false;
}

// As package names are compared: case and the difference between - _ . do not count.
static bool same_package(const char* a, size_t length, const char* b) {
  size_t i = 0;
  for (; i < length && b[i] != '\0'; i++) {
    char x = a[i], y = b[i];
    if (x >= 'A' && x <= 'Z') x = (char)(x - 'A' + 'a');
    if (y >= 'A' && y <= 'Z') y = (char)(y - 'A' + 'a');
    if (x == '-' || x == '.') x = '_';
    if (y == '-' || y == '.') y = '_';
    if (x != y) return false;
  }
  return i == length && b[i] == '\0';
}

// nvidia_cudnn, nvidia_cudnn_cu12, ...: the wheel's name, with or without the CUDA it is for.
static bool names_wheel(const char* name, size_t length, const char* base) {
  size_t known = strlen(base);
  if (length < known || !same_package(name, known, base)) return false;
  if (length == known) return true;
  if (length < known + 4 || strncmp(name + known + 1, "cu", 2) != 0) return false;
  for (size_t i = known + 3; i < length; i++) {
    if (name[i] < '0' || name[i] > '9') return false;
  }
  return true;
}

static bool is_component(const char* name, size_t length, const char* component) {
  static const char* const wheels[][2] = {{"cudnn", "nvidia_cudnn"},
                                          {"nccl", "nvidia_nccl"},
                                          {"cublas", "nvidia_cublas"},
                                          {"cuda", "nvidia_cuda_runtime"}};
  for (size_t i = 0; i < sizeof wheels / sizeof wheels[0]; i++) {
    if (strcmp(component, wheels[i][0]) == 0) return names_wheel(name, length, wheels[i][1]);
  }
  return same_package(name, length, component);
}

// NAME-VERSION.dist-info in site-packages.
static bool find_wheel(const char* site, struct component* component) {
  DIR* folder = opendir(site);
  bool found = false;
  if (folder == 0) return false;
  for (struct dirent* entry; !found && (entry = readdir(folder)) != 0;) {
    const char* file = entry->d_name;
    const char* dash = strchr(file, '-');
    if (dash == 0 || !text_ends_with(file, ".dist-info")) continue;
    if (!is_component(file, (size_t)(dash - file), component->name)) continue;
    size_t length = strlen(dash + 1) - strlen(".dist-info");
    FORMAT(component->found, "%.*s", (int)length, dash + 1);
    FORMAT(component->source, "%.240s/%.240s", site, file);
    found = true;
  }
  closedir(folder);
  return found;
}

static bool find_torch(const char* site, struct component* component) {
  char text[8192];
  FORMAT(component->source, "%.400s/torch/version.py", site);
  if (read_file(component->source, text, sizeof text) < 0) return false;
  if (!find_setting(text, "__version__", component->found, sizeof component->found)) return false;
  if (!find_setting(text, "cuda", component->found_cuda, sizeof component->found_cuda) ||
      strcmp(component->found_cuda, "None") == 0) {
    COPY(component->found_cuda, "none");
  }
  return true;
}

static bool find_python(const char* prefix, struct component* component) {
  char text[4096];
  FORMAT(component->source, "%.400s/pyvenv.cfg", prefix);
  return read_file(component->source, text, sizeof text) >= 0 &&
         (find_setting(text, "version", component->found, sizeof component->found) ||
          find_setting(text, "version_info", component->found, sizeof component->found));
}

static bool find_system(struct component* component) {
  char text[4096], id[WORD_SIZE];
  if (read_file("/etc/os-release", text, sizeof text) < 0) return false;
  if (!find_setting(text, "ID", id, sizeof id) || strcmp(id, component->name) != 0) return false;
  COPY(component->source, "/etc/os-release");
  return find_setting(text, "VERSION_ID", component->found, sizeof component->found);
}

// The C library that this program was loaded with is the image's.
static bool find_glibc(struct component* component) {
  COPY(component->source, "gnu_get_libc_version()");
  COPY(component->found, gnu_get_libc_version());
  return true;
}

// Where the component must be if it is there at all, its absence is a finding; elsewhere (cuDNN may
// come as a Debian package) it only is not known.
static bool absence_counts(const struct component* component) {
  return strcmp(component->name, "torch") == 0;
}

void component_check(const struct promise* promise, struct component* component) {
  const char* site = promise->site_packages;
  bool found;
  if (strcmp(component->name, "torch") == 0) {
    found = site != 0 && find_torch(site, component);
  } else if (strcmp(component->name, "python") == 0) {
    found = promise->python_prefix != 0 && find_python(promise->python_prefix, component);
  } else if (strcmp(component->name, "glibc") == 0) {
    found = find_glibc(component);
  } else {
    found = find_system(component) || (site != 0 && find_wheel(site, component));
  }
  if (!found) {
    component->state = site != 0 && absence_counts(component) ? LIBRARY_MISSING : LIBRARY_UNCHECKED;
    component->found[0] = '\0';
    return;
  }
  bool agrees =
      component->promised[0] == '\0' || version_agrees(component->found, component->promised);
  bool cuda_agrees = component->promised_cuda[0] == '\0' || component->found_cuda[0] == '\0' ||
                     version_agrees(component->found_cuda, component->promised_cuda);
  component->state = agrees && cuda_agrees ? LIBRARY_OK : LIBRARY_MISMATCH;
}
