// LD_PRELOAD: what the probe sees of /dev, /proc/driver/nvidia and /etc/os-release comes from below
// FAKE_ROOT. FAKE_ERRNO=nvidiactl:1,nvidia0:5 makes opening these nodes fail; FAKE_SHM is the size
// of /dev/shm in MiB. No device, no root and no mount is needed.
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "fault.h"

static const char* moved(const char* path, char* place, size_t size) {
  const char* root = getenv("FAKE_ROOT");
  int ours = strncmp(path, "/dev/nvidia", 11) == 0 || strcmp(path, "/dev/dxg") == 0 ||
             strcmp(path, "/dev") == 0 || strncmp(path, "/proc/driver/nvidia", 19) == 0 ||
             strcmp(path, "/etc/os-release") == 0;
  if (root == NULL || !ours) return path;
  snprintf(place, size, "%s%s", root, path);
  return place;
}

static int forbidden(const char* path) {
  const char* at = getenv("FAKE_ERRNO");
  if (strncmp(path, "/dev/", 5) != 0) return 0;
  size_t length = strlen(path + 5);
  while (at != NULL && *at != '\0') {
    if (strncmp(at, path + 5, length) == 0 && at[length] == ':') return atoi(at + length + 1);
    at = strchr(at, ',');
    if (at != NULL) at++;
  }
  return 0;
}

int open(const char* path, int flags, ...) {
  char place[4096];
  mode_t mode = 0;
  if (flags & O_CREAT) {
    va_list rest;
    va_start(rest, flags);
    mode = va_arg(rest, mode_t);
    va_end(rest);
  }
  errno = forbidden(path);
  if (errno != 0) return -1;
  int (*real)(const char*, int, ...) = (int (*)(const char*, int, ...))dlsym(RTLD_NEXT, "open");
  return real(moved(path, place, sizeof place), flags, mode);
}

int access(const char* path, int mode) {
  char place[4096];
  int (*real)(const char*, int) = (int (*)(const char*, int))dlsym(RTLD_NEXT, "access");
  return real(moved(path, place, sizeof place), mode);
}

DIR* opendir(const char* path) {
  char place[4096];
  DIR* (*real)(const char*) = (DIR * (*)(const char*)) dlsym(RTLD_NEXT, "opendir");
  return real(moved(path, place, sizeof place));
}

int statvfs(const char* restrict path, struct statvfs* restrict out) {
  int (*real)(const char*, struct statvfs*) =
      (int (*)(const char*, struct statvfs*))dlsym(RTLD_NEXT, "statvfs");
  int result = real(strcmp(path, "/dev/shm") == 0 ? "/" : path, out);
  if (strcmp(path, "/dev/shm") == 0) {
    out->f_frsize = 1 << 20;
    out->f_blocks = (fsblkcnt_t)number("FAKE_SHM", 8192);
  }
  return result;
}
