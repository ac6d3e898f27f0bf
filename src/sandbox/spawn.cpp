#include "sandbox/spawn.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process.h"

namespace imgforge::sandbox {
namespace {

constexpr int kCannotStart = 127;

std::vector<char*> pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  out.reserve(words.size() + 1);
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

[[noreturn]] void complain_and_exit(const char* what) {
  const Error error = base::io_error(what);
  ::dprintf(2, "%s\n", error.message().c_str());
  ::_exit(kCannotStart);
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

[[noreturn]] void become(const std::string& program, const std::vector<std::string>& argv,
                         const std::map<std::string, std::string>& environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(2, 1) < 0) {
    complain_and_exit("cannot set up standard input and output");
  }
  std::vector<std::string> variables;
  for (const auto& [name, value] : environment) variables.push_back(name + "=" + value);
  ::execve(program.c_str(), pointers(argv).data(), pointers(variables).data());
  complain_and_exit(("cannot start " + program).c_str());
}

Result<std::string> program_path(const std::string& name) {
  if (auto path = base::find_program(name)) return *path;
  return fail(Error(Errc::unsupported, "the program '" + name + "' is not installed")
                  .hint("as root: apt-get install " + (name == "bwrap" ? "bubblewrap" : name)));
}

// First process of the new pid namespace: its own /proc, its own host name; when it ends the kernel
// ends everything else in the namespace.
[[noreturn]] void first_process(const std::string& program, const std::vector<std::string>& argv,
                                const std::map<std::string, std::string>& environment) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  constexpr std::string_view kHost = "imgforge";
  if (::sethostname(kHost.data(), kHost.size()) != 0) complain_and_exit("cannot set the host name");
  if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    complain_and_exit("cannot mount /proc");
  }
  const pid_t main = ::fork();
  if (main < 0) complain_and_exit("cannot start a process");
  if (main == 0) become(program, argv, environment);
  for (;;) {  // also takes in orphans
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended < 0 && errno != EINTR) ::_exit(kCannotStart);
    if (ended == main) ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }
}

}  // namespace

std::map<std::string, std::string> fixed_environment(
    base::Seconds epoch, const std::map<std::string, std::string>& added) {
  std::map<std::string, std::string> all = added;
  all.merge(std::map<std::string, std::string>{
      {"HOME", "/root"},
      {"LC_ALL", "C.UTF-8"},
      {"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
      {"PYTHONDONTWRITEBYTECODE", "1"},
      {"PYTHONHASHSEED", "0"},
      {"SOURCE_DATE_EPOCH", std::to_string(epoch.value)},
      {"TZ", "UTC"}});
  return all;
}

Result<int> spawn(const std::vector<std::string>& argv,
                  const std::map<std::string, std::string>& environment) {
  const std::string program = TRY(program_path(argv.at(0)));
  const pid_t child = ::fork();
  if (child < 0) return fail(base::io_error("cannot start " + argv[0]));
  if (child == 0) become(program, argv, environment);
  return wait_for(child);
}

Result<int> spawn_isolated(const std::vector<std::string>& argv,
                           const std::map<std::string, std::string>& environment) {
  const std::string program = TRY(program_path(argv.at(0)));
  if (::unshare(CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) {
    return fail(base::io_error("cannot make namespaces for " + argv[0]));
  }
  const pid_t child = ::fork();
  if (child < 0) return fail(base::io_error("cannot start " + argv[0]));
  if (child == 0) first_process(program, argv, environment);
  return wait_for(child);
}

}  // namespace imgforge::sandbox
