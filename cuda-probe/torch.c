#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stages.h"
#include "text.h"

extern const char torch_check_py[];  // embed.c
extern char** environ;

enum { RESULT_FD = 3, WORDS = 5 };

const char* torch_item_name(enum torch_item item) {
  static const char* const names[TORCH_ITEM_COUNT] = {"determinism", "import",      "matmul-cpu",
                                                      "linear-cpu",  "devices",     "matmul",
                                                      "linear",      "convolution", "all-reduce"};
  return names[item];
}

static bool is_program(const char* path) { return access(path, X_OK) == 0; }

// The promised environment's Python; where nothing is promised, the PATH's.
static bool find_python(const struct promise* promise, struct torch* torch) {
  static const char* const names[] = {"python3", "python"};
  if (promise->state == PROMISE_PRESENT && promise->python_prefix != 0) {
    for (size_t i = 0; i < 2; i++) {
      FORMAT(torch->interpreter, "%.400s/bin/%s", promise->python_prefix, names[i]);
      if (is_program(torch->interpreter)) return true;
    }
    torch->exec_error = ENOENT;
    return false;
  }
  const char* search = getenv("PATH");
  char folders[4096];
  for (size_t i = 0; i < 2; i++) {
    COPY(folders, search != 0 ? search : "/usr/local/bin:/usr/bin:/bin");
    char* rest = folders;
    for (char* folder; (folder = strsep(&rest, ":")) != 0;) {
      if (*folder != '/') continue;
      FORMAT(torch->interpreter, "%.400s/%s", folder, names[i]);
      if (is_program(torch->interpreter)) return true;
    }
  }
  torch->interpreter[0] = '\0';
  return false;
}

// In the new process. Only its own descriptors go along: the result's and standard error.
static void become_python(struct torch* torch, const char* module, int result, int errors) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char number[16];
  FORMAT(number, "%d", RESULT_FD);
  // Both away from 3 first, whatever they are.
  int kept = fcntl(result, F_DUPFD_CLOEXEC, 10);
  dup2(errors, STDERR_FILENO);
  dup2(kept, RESULT_FD);
  char* words[] = {torch->interpreter,
                   (char*)"-B",
                   (char*)"-c",
                   (char*)torch_check_py,
                   number,
                   (char*)module,
                   0};
  if (chdir("/") == 0) execve(torch->interpreter, words, environ);
  torch->exec_error = errno;  // shared memory: the parent sees it
  _exit(127);
}

static enum torch_state state_of(const char* word) {
  return strcmp(word, "passed") == 0  ? TORCH_PASSED
         : strcmp(word, "wrong") == 0 ? TORCH_WRONG
                                      : TORCH_ERROR;
}

static int index_of(const char* word) {
  unsigned long number;
  return text_to_number(word, MAX_GPUS - 1, &number) ? (int)number : -1;
}

static void read_check(struct torch* torch, char* const* word) {
  for (int i = 0; i < TORCH_ITEM_COUNT; i++) {
    struct torch_check* check = &torch->checks[i];
    if (strcmp(word[1], torch_item_name((enum torch_item)i)) != 0) continue;
    enum torch_state state = state_of(word[2]);
    if (state <= check->state) return;
    check->state = state;
    check->gpu = index_of(word[3]);
    COPY(check->detail, word[4]);
  }
}

static void read_gpu(struct torch* torch, char* const* word) {
  int index = index_of(word[1]);
  struct version capability;
  if (index < 0 || !version_parse(word[2], &capability)) return;
  struct torch_gpu* gpu = &torch->gpus[index];
  gpu->major = (int)capability.part[0];
  gpu->minor = (int)capability.part[1];
  COPY(gpu->name, word[3]);
  if (torch->gpu_count <= index) torch->gpu_count = index + 1;
}

static void read_fact(struct torch* torch, const char* name, const char* value) {
  const struct {
    const char* name;
    char* to;
    size_t size;
  } facts[] = {
      {"python", torch->python, sizeof torch->python},
      {"version", torch->version, sizeof torch->version},
      {"cuda", torch->cuda, sizeof torch->cuda},
      {"file", torch->file, sizeof torch->file},
      {"cudnn", torch->cudnn, sizeof torch->cudnn},
      {"nccl", torch->nccl, sizeof torch->nccl},
      {"architectures", torch->architectures, sizeof torch->architectures},
      {"unavailable_because", torch->unavailable_because, sizeof torch->unavailable_because},
  };
  for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
    if (strcmp(name, facts[i].name) == 0) text_copy(facts[i].to, facts[i].size, value);
  }
  if (strcmp(name, "available") == 0) {
    torch->asked_available = true;
    torch->available = strcmp(value, "yes") == 0;
  }
}

// One line of torch_check.py's result; what is not understood is skipped.
static void read_result(struct torch* torch, char* line, struct stage_control* control) {
  static char none[1];
  char* word[WORDS] = {line, none, none, none, none};
  for (int i = 1; i < WORDS; i++) {
    strsep(&line, "\t");
    if (line == 0) break;
    word[i] = line;
  }
  if (strcmp(word[0], "step") == 0) stage_step(control, "%s", word[1]);
  if (strcmp(word[0], "fact") == 0) read_fact(torch, word[1], word[2]);
  if (strcmp(word[0], "gpu") == 0) read_gpu(torch, word);
  if (strcmp(word[0], "check") == 0) read_check(torch, word);
  if (strcmp(word[0], "end") == 0) torch->finished = true;
}

static void read_error(struct torch* torch, char* line, struct stage_control* control) {
  (void)control;
  if (line[strspn(line, " \t\r")] != '\0') COPY(torch->last_words, line);
}

// Text as it comes, handed on line by line; a line that does not fit is cut.
struct lines {
  char text[4096];
  size_t length;
  void (*take)(struct torch* torch, char* line, struct stage_control* control);
};

static bool read_lines(int fd, struct lines* lines, struct torch* torch,
                       struct stage_control* control) {
  char bytes[4096];
  ssize_t n = read(fd, bytes, sizeof bytes);
  if (n < 0 && errno == EINTR) return true;
  for (ssize_t i = 0; i < n; i++) {
    if (bytes[i] == '\n') {
      lines->text[lines->length] = '\0';
      lines->take(torch, lines->text, control);
      lines->length = 0;
    } else if (lines->length + 1 < sizeof lines->text) {
      lines->text[lines->length++] = bytes[i];
    }
  }
  if (n <= 0 && lines->length > 0) {
    lines->text[lines->length] = '\0';
    lines->take(torch, lines->text, control);
    lines->length = 0;
  }
  return n > 0;
}

// Until the result is complete, or its writer gone.
static void listen(struct torch* torch, int result, int errors, struct stage_control* control) {
  static struct lines said = {.take = read_result}, complained = {.take = read_error};
  struct pollfd waiting[] = {{.fd = result, .events = POLLIN}, {.fd = errors, .events = POLLIN}};
  while (!torch->finished && (waiting[0].fd >= 0 || waiting[1].fd >= 0)) {
    if (poll(waiting, 2, -1) < 0 && errno != EINTR) return;
    if (waiting[1].revents != 0 && !read_lines(errors, &complained, torch, control)) {
      waiting[1].fd = -1;
    }
    if (waiting[0].revents != 0 && !read_lines(result, &said, torch, control)) waiting[0].fd = -1;
  }
}

// The folder of the torch that was imported, against the promised one.
static void compare_places(const struct promise* promise, struct torch* torch) {
  char promised[PATH_MAX], imported[PATH_MAX];
  if (promise->state != PROMISE_PRESENT || promise->site_packages == 0) return;
  if (realpath(promise->site_packages, promised) == 0) return;
  if (torch->file[0] == '\0' || realpath(torch->file, imported) == 0) return;
  size_t length = strlen(promised);
  torch->elsewhere = strncmp(imported, promised, length) != 0 || imported[length] != '/';
}

void torch_run(struct report* report, const void* context, struct stage_control* control) {
  const struct promise* promise = context;
  struct torch* torch = &report->torch;
  int result[2], errors[2];
  stage_step(control, "looking for the image's Python");
  for (int i = 0; i < TORCH_ITEM_COUNT; i++) torch->checks[i].gpu = -1;
  if (!find_python(promise, torch)) return;
  if (pipe2(result, O_CLOEXEC) != 0 || pipe2(errors, O_CLOEXEC) != 0) {
    torch->exec_error = errno;
    return;
  }
  stage_step(control, "starting %.80s", torch->interpreter);
  pid_t child = fork();
  if (child == 0) {
    become_python(torch, report->determinism.module, result[1], errors[1]);
  }
  close(result[1]);
  close(errors[1]);
  if (child < 0) {
    torch->exec_error = errno;
    return;
  }
  listen(torch, result[0], errors[0], control);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (torch->finished) {
    compare_places(promise, torch);
  } else if (WIFSIGNALED(status)) {
    signal(WTERMSIG(status), SIG_DFL);
    raise(WTERMSIG(status));  // how it ended is told by how this process ends
  } else {
    torch->status = WEXITSTATUS(status);
  }
}
