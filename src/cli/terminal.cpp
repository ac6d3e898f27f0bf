#include "cli/terminal.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace

Result<std::string> ask_secret(const std::string& question) {
  const int opened = ::open("/dev/tty", O_RDWR | O_CLOEXEC);
  if (opened < 0) {
    return fail(Error(Errc::usage, "there is no terminal to ask for a secret on")
                    .hint("hand it in on standard input, in a file or a variable: see --help"));
  }
  const Descriptor terminal{opened};
  const Hidden hidden(opened);
  if (::write(opened, question.data(), question.size()) < 0)
    return fail(base::io_error("cannot ask"));
  std::string line;
  for (char c = 0; line.size() < 4096;) {
    const ssize_t n = ::read(opened, &c, 1);
    if (n < 0 && errno == EINTR) return fail(Errc::cancelled, "interrupted");
    if (n <= 0 || c == '\n') break;
    line += c;
  }
  (void)!::write(opened, "\n", 1);
  return line;
}

}  // namespace imgforge::cli
