#include "cli/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace imgforge::cli {
namespace {

/// Shows nothing that is typed until it goes away.
class Hidden {
 public:
  explicit Hidden(int terminal) : terminal_(terminal) {
    valid_ = ::tcgetattr(terminal_, &before_) == 0;
    if (!valid_) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(terminal_, TCSAFLUSH, &quiet);
  }
  ~Hidden() {
    if (valid_) ::tcsetattr(terminal_, TCSAFLUSH, &before_);
  }
  Hidden(const Hidden&) = delete;
  Hidden& operator=(const Hidden&) = delete;

 private:
  int terminal_;
  bool valid_ = false;
  termios before_{};
};

struct Descriptor {
  int number;
  ~Descriptor() { ::close(number); }
};

int open_terminal() { return ::open("/dev/tty", O_RDWR | O_CLOEXEC); }

Result<std::string> ask(int terminal, const std::string& question, const std::stop_token& stop) {
  constexpr int kTurn = 200;  // milliseconds between looks at `stop`
  if (::write(terminal, question.data(), question.size()) < 0)
    return fail(base::io_error("cannot ask"));
  std::string line;
  while (line.size() < 4096) {
    pollfd ready{.fd = terminal, .events = POLLIN, .revents = 0};
    const int count = ::poll(&ready, 1, kTurn);
    if (stop.stop_requested()) return fail(Errc::cancelled, "interrupted");
    if (count == 0 || (count < 0 && errno == EINTR)) continue;
    char c = 0;
    if (::read(terminal, &c, 1) <= 0 || c == '\n') break;
    line += c;
  }
  return line;
}

}  // namespace

Result<std::string> ask_secret(const std::string& question, std::stop_token stop) {
  const int opened = open_terminal();
  if (opened < 0) {
    return fail(Error(Errc::usage, "there is no terminal to ask for a secret on")
                    .hint("hand it in on standard input, in a file or a variable: see --help"));
  }
  const Descriptor terminal{opened};
  const Hidden hidden(opened);
  std::string line = TRY(ask(opened, question, stop));
  (void)!::write(opened, "\n", 1);
  return line;
}

bool has_terminal() {
  const int opened = open_terminal();
  if (opened < 0) return false;
  const Descriptor terminal{opened};
  return true;
}

Result<bool> confirm(const std::string& question, std::stop_token stop) {
  const int opened = open_terminal();
  if (opened < 0) return fail(Errc::usage, "there is no terminal to ask on");
  const Descriptor terminal{opened};
  const std::string line = TRY(ask(opened, question, stop));
  const std::string answer = base::to_lower(base::trim(line));
  return answer == "y" || answer == "yes";
}

}  // namespace imgforge::cli
