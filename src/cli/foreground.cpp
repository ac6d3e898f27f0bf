#include "cli/foreground.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

namespace imgforge::cli {
namespace {

/// The terminal belongs to another process group while this lives.
class Terminal {
 public:
  Terminal() : ours_(::isatty(STDIN_FILENO) == 1 && ::tcgetpgrp(STDIN_FILENO) == ::getpgrp()) {}
  ~Terminal() {
    if (ours_) give(::getpgrp());
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  bool is_ours() const { return ours_; }

  /// Whoever gives it away is in the background then, and would be stopped for asking (SIGTTOU).
  static void give(pid_t group) {
    sigset_t output, before;
    sigemptyset(&output);
    sigaddset(&output, SIGTTOU);
    ::pthread_sigmask(SIG_BLOCK, &output, &before);
    ::tcsetpgrp(STDIN_FILENO, group);
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  }

 private:
  bool ours_;
};

// Between fork and exec only async-signal-safe calls.
[[noreturn]] void become(const char* program, char* const* argv, bool has_terminal) {
  if (has_terminal) {
    ::setpgid(0, 0);
    Terminal::give(::getpid());
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  ::execve(program, argv, environ);
  ::_exit(127);
}

}  // namespace

Result<int> run_in_foreground(const std::vector<std::string>& argv, std::stop_token stop) {
  const auto program = base::find_program(argv.at(0));
  if (!program) return fail(Errc::not_found, argv[0] + " is not installed here");
  std::vector<char*> words;
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  const Terminal terminal;
  const pid_t child = ::fork();
  if (child < 0) return fail(base::io_error("cannot start " + argv[0]));
  if (child == 0) become(program->c_str(), words.data(), terminal.is_ours());
  if (terminal.is_ours()) ::setpgid(child, child);  // whoever comes first
  const std::stop_callback pass_on(stop, [child] { ::kill(child, SIGTERM); });
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return fail(base::io_error("cannot wait for " + argv[0]));
  }
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool is_interactive() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

}  // namespace imgforge::cli
