#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <gnu/libc-version.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "stages.h"
#include "text.h"

static void read_variable(const char* name, struct variable* out) {
  const char* value = getenv(name);
  out->set = value != 0;
  if (value != 0) COPY(out->value, value);
}

static int try_open(const char* path) {
  int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return errno;
  close(fd);
  return 0;
}

static void open_node(const char* name, struct node* node) {
  char path[64];
  FORMAT(path, "/dev/%s", name);
  COPY(node->name, name);
  node->error = try_open(path);
  node->opened = true;
}

// nvidia0, nvidia1, ...: a whole number and nothing behind it.
static bool is_gpu_node(const char* name, unsigned long* index) {
  return text_starts_with(name, "nvidia") && text_to_number(name + 6, 9999, index);
}

static int by_index(const void* a, const void* b) {
  unsigned long x = 0, y = 0;
  is_gpu_node(((const struct node*)a)->name, &x);
  is_gpu_node(((const struct node*)b)->name, &y);
  return x < y ? -1 : x > y;
}

static void list_gpu_nodes(struct survey* survey) {
  DIR* dev = opendir("/dev");
  if (dev == 0) return;
  for (struct dirent* entry; (entry = readdir(dev)) != 0 && survey->gpu_count < MAX_GPUS;) {
    unsigned long index;
    if (!is_gpu_node(entry->d_name, &index)) continue;
    struct node* node = &survey->gpus[survey->gpu_count++];
    char path[64];
    FORMAT(path, "/dev/%.32s", entry->d_name);
    COPY(node->name, entry->d_name);
    node->error = access(path, R_OK | W_OK) == 0 ? 0 : errno;
  }
  closedir(dev);
  qsort(survey->gpus, (size_t)survey->gpu_count, sizeof survey->gpus[0], by_index);
}

static int count_entries(const char* path) {
  DIR* folder = opendir(path);
  int count = 0;
  if (folder == 0) return 0;
  for (struct dirent* entry; (entry = readdir(folder)) != 0;) count += entry->d_name[0] != '.';
  closedir(folder);
  return count;
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ..." or, of the open modules,
// "... Open Kernel Module for x86_64  550.54.15  ...": the first word that is a dotted number.
static void read_kernel_driver(struct survey* survey) {
  char line[LINE_SIZE];
  survey->host_driver = read_first_line("/proc/driver/nvidia/version", line, sizeof line);
  if (!survey->host_driver) return;
  char* rest = line;
  for (char* word; (word = strsep(&rest, " \t")) != 0;) {
    struct version version;
    if (version_parse(word, &version) && version.count >= 2) {
      COPY(survey->kernel_driver, word);
      return;
    }
  }
}

void survey_run(struct report* report, const void* unused, struct stage_control* control) {
  (void)unused;
  struct survey* survey = &report->survey;
  stage_step(control, "reading the environment");
  COPY(survey->libc, gnu_get_libc_version());
  read_variable("NVIDIA_VISIBLE_DEVICES", &survey->visible_devices);
  read_variable("NVIDIA_DRIVER_CAPABILITIES", &survey->capabilities);
  read_variable("NVIDIA_DISABLE_REQUIRE", &survey->disable_require);
  read_variable("CUDA_VISIBLE_DEVICES", &survey->cuda_visible_devices);
  read_variable("LD_LIBRARY_PATH", &survey->library_path);

  stage_step(control, "reading /proc/driver/nvidia");
  read_kernel_driver(survey);
  survey->kernel_gpus = count_entries("/proc/driver/nvidia/gpus");

  stage_step(control, "listing /dev");
  list_gpu_nodes(survey);
  survey->dxg = access("/dev/dxg", F_OK) == 0;
  struct statvfs shm;
  survey->shm = statvfs("/dev/shm", &shm) == 0;
  if (survey->shm) survey->shm_bytes = (uint64_t)shm.f_blocks * shm.f_frsize;

  // Before any driver library is loaded: libcuda, as root, makes nvidiactl itself.
  stage_step(control, "opening /dev/nvidiactl");
  open_node("nvidiactl", &survey->control);
  stage_step(control, "opening /dev/nvidia-uvm");
  open_node("nvidia-uvm", &survey->uvm);
}

void nodes_run(struct report* report, const void* unused, struct stage_control* control) {
  (void)unused;
  for (int i = 0; i < report->survey.gpu_count; i++) {
    struct node* node = &report->survey.gpus[i];
    char name[sizeof node->name];
    COPY(name, node->name);
    stage_step(control, "opening /dev/%s", name);
    open_node(name, node);
  }
}
