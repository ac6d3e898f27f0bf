// tests/tools/http_fault_server.py as an object: started by the constructor, ended by the
// destructor.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "base/process.h"

namespace imgforge::test {

class FaultServer {
 public:
  explicit FaultServer(std::vector<std::string> arguments = {}) {
    int to_child[2], from_child[2];
    if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) {
      throw std::runtime_error("no pipes");
    }
    std::vector<std::string> words = {base::find_program("python3").value_or("python3"),
                                      IMGFORGE_SOURCE_DIR "/tests/tools/http_fault_server.py"};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(to_child[0], 0);
      ::dup2(from_child[1], 1);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    ::close(to_child[0]);
    ::close(from_child[1]);
    input_ = to_child[1];
    std::string line;
    for (char c = 0; ::read(from_child[0], &c, 1) == 1 && c != '\n';) line += c;
    ::close(from_child[0]);
    if (line.empty()) throw std::runtime_error("the fault server did not start");
    port_ = line;
  }
  ~FaultServer() {
    ::close(input_);
    int status = 0;
    ::waitpid(child_, &status, 0);
  }
  FaultServer(const FaultServer&) = delete;
  FaultServer& operator=(const FaultServer&) = delete;

  const std::string& port() const { return port_; }
  std::string url(const std::string& path, const std::string& scheme = "http") const {
    return scheme + "://127.0.0.1:" + port_ + "/" + path;
  }

 private:
  pid_t child_ = -1;
  int input_ = -1;
  std::string port_;
};

}  // namespace imgforge::test
