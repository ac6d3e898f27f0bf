#include "base/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/file.h"
#include "base/text.h"

namespace imgforge::base {
namespace {

constexpr std::size_t kMaximumOutput = 64 << 20;
constexpr std::size_t kKeptStderr = 64 << 10;
constexpr std::chrono::milliseconds kGrace{3000};
constexpr unsigned kCloseOnExec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11; without: no effect

struct Pipe {
  File read_end;
  File write_end;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(io_error("cannot make a pipe"));
  return Pipe{File(ends[0]), File(ends[1])};
}

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

// Between fork and exec only async-signal-safe calls.
[[noreturn]] void become(const std::string& program, char* const* argv, char* const* environment,
                         const char* directory, int in, int out, int err, int report,
                         const std::vector<int>& inherited) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (::dup2(in, 0) >= 0 && ::dup2(out, 1) >= 0 && ::dup2(err, 2) >= 0 &&
      (directory == nullptr || ::chdir(directory) == 0)) {
    // Descriptors that this process was started with, or that a library left open, are not the
    // program's: mmdebstrap fails when its own get numbers above 9, which sh cannot redirect.
    ::syscall(SYS_close_range, 3U, ~0U, kCloseOnExec);
    for (int fd : inherited) ::fcntl(fd, F_SETFD, 0);
    ::execve(program.c_str(), argv, environment);
  }
  const int code = errno;
  (void)!::write(report, &code, sizeof code);
  ::_exit(127);
}

class StderrCollector {
 public:
  explicit StderrCollector(const Command& command) : command_(command) {}
  void add(std::string_view piece) {
    kept_ += piece;
    if (kept_.size() > 2 * kKeptStderr) kept_.erase(0, kept_.size() - kKeptStderr);
    if (!command_.on_stderr_line) return;
    line_ += piece;
    for (std::size_t end = line_.find('\n'); end != std::string::npos; end = line_.find('\n')) {
      command_.on_stderr_line(std::string_view(line_).substr(0, end));
      line_.erase(0, end + 1);
    }
  }
  std::string finish() {
    if (!line_.empty() && command_.on_stderr_line) command_.on_stderr_line(line_);
    if (kept_.size() > kKeptStderr) kept_.erase(0, kept_.size() - kKeptStderr);
    return std::move(kept_);
  }

 private:
  const Command& command_;
  std::string kept_;
  std::string line_;
};

// write() to a pipe whose reader may have gone: EPIPE and no signal, whatever the process does with
// SIGPIPE (a library does not change that for everybody).
ssize_t write_unsignalled(int fd, std::string_view bytes) {
  sigset_t pipe_signal, pending;
  sigset_t before;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  ::sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t n = ::write(fd, bytes.data(), bytes.size());
  const int failure = errno;
  if (n < 0 && failure == EPIPE && !was_pending) {
    const timespec at_once{};
    while (::sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = failure;
  return n;
}

// Ends the process group: TERM, a grace period, KILL.
int end_group(pid_t child) {
  ::kill(-child, SIGTERM);
  const auto until = std::chrono::steady_clock::now() + kGrace;
  int status = 0;
  for (;;) {
    const pid_t done = ::waitpid(child, &status, WNOHANG);
    if (done == child || (done < 0 && errno != EINTR)) break;
    if (std::chrono::steady_clock::now() >= until) {
      ::kill(-child, SIGKILL);
      while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
      }
      return status;
    }
    ::usleep(20'000);
  }
  ::kill(-child, SIGKILL);
  return status;
}

}  // namespace

std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) {
    return ::access(name.c_str(), X_OK) == 0 ? std::optional(name) : std::nullopt;
  }
  const char* path = ::getenv("PATH");
  const std::string folders =
      std::string(path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin") + ":/usr/sbin:/sbin";
  for (const std::string_view folder : split(folders, ':')) {
    std::string candidate = join_path(folder.empty() ? "." : folder, name);
    if (::access(candidate.c_str(), X_OK) == 0 && !is_directory(candidate)) return candidate;
  }
  return std::nullopt;
}

Result<CommandResult> run_command(const Command& command, std::stop_token stop) {
  const std::string& name = command.argv.at(0);
  const auto program = find_program(name);
  if (!program) {
    return fail(Error(Errc::not_found, "the program '" + name + "' is not installed")
                    .hint("'imgforge doctor' says which package brings it")
                    .with("program", name));
  }
  Pipe in = TRY(make_pipe()), out = TRY(make_pipe()), err = TRY(make_pipe()),
       report = TRY(make_pipe());
  const auto argv = pointers(command.argv);
  const std::vector<std::string> no_words;
  const auto environment = pointers(command.environment ? *command.environment : no_words);
  const pid_t child = ::fork();
  if (child < 0) return fail(io_error("cannot start " + name));
  if (child == 0) {
    become(*program, argv.data(), command.environment ? environment.data() : environ,
           command.directory.empty() ? nullptr : command.directory.c_str(), in.read_end.fd(),
           out.write_end.fd(), err.write_end.fd(), report.write_end.fd(), command.inherited_fds);
  }
  ::setpgid(child, child);
  in.read_end = File();
  out.write_end = File();
  err.write_end = File();
  report.write_end = File();
  int start_error = 0;
  if (::read(report.read_end.fd(), &start_error, sizeof start_error) > 0) {
    int ignored;
    while (::waitpid(child, &ignored, 0) < 0 && errno == EINTR) {
    }
    return fail(io_error("cannot start " + name, start_error));
  }

  ::fcntl(in.write_end.fd(), F_SETFL, O_NONBLOCK);
  std::string_view to_write = command.input;
  if (to_write.empty()) in.write_end = File();
  CommandResult result;
  StderrCollector errors(command);
  std::optional<Error> failure;
  const auto started = std::chrono::steady_clock::now();
  std::vector<std::byte> buffer(64 * 1024);
  while (!failure && (out.read_end.is_open() || err.read_end.is_open())) {
    if (stop.stop_requested()) {
      failure = Error(Errc::cancelled, "interrupted");
      break;
    }
    if (command.timeout && std::chrono::steady_clock::now() - started > *command.timeout) {
      failure = Error(Errc::timed_out, name + " did not finish in time");
      break;
    }
    std::array<pollfd, 3> fds{pollfd{out.read_end.fd(), POLLIN, 0},
                              pollfd{err.read_end.fd(), POLLIN, 0},
                              pollfd{in.write_end.fd(), POLLOUT, 0}};
    ::poll(fds.data(), fds.size(), 100);
    const auto drain = [&](File& from, bool is_stdout) {
      const ssize_t n = ::read(from.fd(), buffer.data(), buffer.size());
      if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
      if (n <= 0) {
        from = File();
        return;
      }
      const Bytes piece = Bytes(buffer).first(static_cast<std::size_t>(n));
      if (!is_stdout) {
        errors.add(as_text(piece));
      } else if (command.on_stdout) {
        if (auto taken = command.on_stdout(piece); !taken) failure = std::move(taken.error());
      } else if (result.out.size() + piece.size() > kMaximumOutput) {
        failure = Error(Errc::io, name + " prints too much");
      } else {
        result.out += as_text(piece);
      }
    };
    if (out.read_end.is_open() && fds[0].revents != 0) drain(out.read_end, true);
    if (err.read_end.is_open() && fds[1].revents != 0) drain(err.read_end, false);
    if (in.write_end.is_open() && fds[2].revents != 0) {
      const ssize_t n = write_unsignalled(in.write_end.fd(), to_write);
      if (n > 0) to_write.remove_prefix(static_cast<std::size_t>(n));
      if (to_write.empty() || (n < 0 && errno != EAGAIN && errno != EINTR)) in.write_end = File();
    }
  }
  int status = 0;
  if (failure) {
    (void)end_group(child);
    return fail(std::move(*failure));
  }
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.err = errors.finish();
  result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

Result<CommandResult> run_checked(const Command& command, std::stop_token stop) {
  CommandResult result = TRY(run_command(command, stop));
  if (result.status == 0) return result;
  constexpr std::size_t kQuotedLines = 12;
  auto quoted = lines(result.err);
  if (quoted.size() > kQuotedLines) quoted.erase(quoted.begin(), quoted.end() - kQuotedLines);
  std::string message =
      base_name(command.argv[0]) + " failed with status " + std::to_string(result.status);
  for (std::string_view line : quoted) message += "\n    " + std::string(line);
  return fail(Error(Errc::io, std::move(message)).with("status", std::to_string(result.status)));
}

}  // namespace imgforge::base
