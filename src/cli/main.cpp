// The program: signals become a stop request, the environment becomes a map, everything else is
// run_app's.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <thread>

#include "cli/app.h"
#include "http/client.h"
#include "sandbox/sandbox.h"

namespace {

std::map<std::string, std::string> environment_map() {
  std::map<std::string, std::string> map;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string text = *entry;
    const std::size_t equals = text.find('=');
    if (equals != std::string::npos) map.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return map;
}

std::string own_path() {
  char buffer[PATH_MAX];
  const ssize_t n = ::readlink("/proc/self/exe", buffer, sizeof buffer);
  return n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "/proc/self/exe";
}

// The first SIGINT or SIGTERM asks for an orderly end, the second ends at once.
void watch_signals(const sigset_t& signals, std::stop_source stop) {
  std::thread([signals, stop]() mutable {
    int number = 0;
    while (::sigwait(&signals, &number) == 0) {
      if (stop.stop_requested()) ::_exit(130);
      stop.request_stop();
    }
  }).detach();
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (!words.empty() && words[0] == imgforge::sandbox::kChildCommand) {
    return imgforge::sandbox::child_main();
  }
  ::umask(022);
  ::signal(SIGPIPE, SIG_IGN);
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const std::stop_source stop;
  watch_signals(signals, stop);
  return imgforge::cli::run_app(words, environment_map(), own_path(), stop.get_token());
}
