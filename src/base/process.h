// Child processes: argv in, exit status and captured output out. Never a shell.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace imgforge::base {

struct Command {
  /// argv[0] is looked up in PATH of the *parent* unless it has a slash.
  std::vector<std::string> argv;
  /// "NAME=value" each; nullopt passes the parent's environment on.
  std::optional<std::vector<std::string>> environment;
  /// Working directory of the child; empty keeps the parent's.
  std::string directory;
  /// What the child reads on standard input (then end of file).
  std::string input;
  /// Called with pieces of standard output as they come; when unset, stdout is collected.
  std::function<Result<>(Bytes)> on_stdout;
  /// Called with whole lines of standard error; they are collected (last 64 KiB) in any case.
  std::function<void(std::string_view)> on_stderr_line;
  /// File descriptors the child keeps (same numbers) beside 0, 1, 2.
  std::vector<int> inherited_fds;
  std::optional<std::chrono::milliseconds> timeout;
};

struct CommandResult {
  /// The exit code, or 128 + signal number.
  int status = 0;
  std::string out;  // at most 64 MiB, else the run fails
  std::string err;  // the last 64 KiB
};

/// Runs to the end. A stop request or the timeout ends the child's whole process group (TERM, then
/// KILL). Fails when it cannot be started (not_found: no such program), is cancelled, or times out;
/// a nonzero exit status is a value.
Result<CommandResult> run_command(const Command& command, std::stop_token stop = {});

/// As run_command, but a nonzero status is an Error (Errc::io) that quotes the end of stderr.
Result<CommandResult> run_checked(const Command& command, std::stop_token stop = {});

/// The absolute path of a program by PATH, or nullopt.
std::optional<std::string> find_program(const std::string& name);

}  // namespace imgforge::base
