#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "text.h"

// How long a killed child may take to go before it counts as blocked in the kernel.
static const double kGraceSeconds = 1.0;

struct stage_control {
  struct report* report;
  enum stage stage;
  int pipe;  // one byte renews the deadline; end of file is the end of the child
};

struct report* report_create(void) {
  void* memory =
      mmap(0, sizeof(struct report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? 0 : memory;
}

const char* stage_name(enum stage stage) {
  static const char* const names[STAGE_COUNT] = {"survey", "nvml",      "driver", "compute",
                                                 "nodes",  "libraries", "torch"};
  return names[stage];
}

// Tells the parent that the child is alive, and in which stage.
static void renew(struct stage_control* control) {
  unsigned char byte = (unsigned char)control->stage;
  ssize_t written = write(control->pipe, &byte, 1);
  (void)written;  // without the byte the deadline stays as it was
}

void stage_step(struct stage_control* control, const char* format, ...) {
  struct stage_result* result = &control->report->stages[control->stage];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(result->step, sizeof result->step, format, arguments);
  va_end(arguments);
  renew(control);
}

void stage_enter(struct stage_control* control, enum stage stage) {
  control->report->stages[control->stage].state = STAGE_DONE;
  control->report->stages[stage].state = STAGE_RUNNING;
  control->stage = stage;
  renew(control);
}

static void run_child(struct report* report, enum stage stage, int pipe, stage_function function,
                      const void* context) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  setpgid(0, 0);
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  int null = open("/dev/null", O_RDWR);
  if (null >= 0) {
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
  }
  struct stage_control control = {report, stage, pipe};
  function(report, context, &control);
  report->stages[control.stage].state = STAGE_DONE;
  _exit(0);  // no destructors: the driver's may hang, and nothing of it is needed any more
}

// Waits until the child is gone or `deadline` has passed; true if it is gone. Bytes on the pipe
// move the deadline and tell which stage is running.
static bool wait_child(int pipe, double timeout, enum stage* stage, struct report* report,
                       double* began) {
  double deadline = now_seconds() + timeout;
  for (;;) {
    double left = deadline - now_seconds();
    if (left <= 0) return false;
    struct pollfd waiting = {.fd = pipe, .events = POLLIN};
    int ready = poll(&waiting, 1, left > 1000 ? 1000000 : (int)(left * 1000) + 1);
    if (ready < 0 && errno != EINTR) return false;
    if (ready <= 0) continue;
    unsigned char byte;
    ssize_t n = read(pipe, &byte, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    double now = now_seconds();
    if (byte < STAGE_COUNT && (enum stage)byte != *stage) {
      report->stages[*stage].seconds = now - *began;
      *stage = (enum stage)byte;
      *began = now;
    }
    deadline = now + timeout;
  }
}

// Reaps the child; false if it is still there after the grace period.
static bool reap(pid_t child, int* status) {
  double deadline = now_seconds() + kGraceSeconds;
  do {
    pid_t got = waitpid(child, status, WNOHANG);
    if (got == child || (got < 0 && errno != EINTR)) return true;
    poll(0, 0, 1);
  } while (now_seconds() < deadline);
  return false;
}

void stage_run(struct report* report, enum stage stage, double timeout, stage_function function,
               const void* context) {
  struct stage_result* result = &report->stages[stage];
  double began = now_seconds();
  int ends[2];
  result->state = STAGE_RUNNING;
  COPY(result->step, "starting");
  if (pipe2(ends, O_CLOEXEC) != 0) {
    result->state = STAGE_CRASHED;
    FORMAT(result->step, "making a pipe: %s", strerror(errno));
    return;
  }
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    run_child(report, stage, ends[1], function, context);
  }
  close(ends[1]);
  if (child < 0) {
    result->state = STAGE_CRASHED;
    FORMAT(result->step, "starting a process: %s", strerror(errno));
    close(ends[0]);
    return;
  }

  enum stage last = stage;
  bool ended = wait_child(ends[0], timeout, &last, report, &began);
  close(ends[0]);
  if (!ended) {
    kill(-child, SIGKILL);
    kill(child, SIGKILL);
  }
  int status = 0;
  bool reaped = reap(child, &status);
  result = &report->stages[last];
  result->seconds = now_seconds() - began;
  if (!ended) {
    result->state = STAGE_TIMED_OUT;
    result->unkillable = !reaped;
  } else if (!reaped || WIFSIGNALED(status) || result->state != STAGE_DONE) {
    result->state = STAGE_CRASHED;
    result->signal = reaped && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
  }
}
