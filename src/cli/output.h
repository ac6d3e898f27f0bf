// Everything that people read: the one error of a failed command, tables, colours on terminals
// only.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::cli {

/// DESIGN section 9.
int exit_code(Errc code);
/// The fact "exit_code" where an error has one: that of another program that was run.
int exit_code(const Error& error);

/// "error: …", the place with a caret, the hint. No trailing newline beyond the last line's.
std::string render_error(const Error& error, bool colour);

/// {"error": {...}} for --json.
std::string error_json(const Error& error);

class Table {
 public:
  enum class Align { left, right };
  explicit Table(std::vector<std::pair<std::string, Align>> columns);
  void add(std::vector<std::string> cells);
  /// Two spaces between columns, no trailing spaces; the header in upper case as given.
  std::string to_string() const;

 private:
  std::vector<std::pair<std::string, Align>> columns_;
  std::vector<std::vector<std::string>> rows_;
};

/// Columns that a text takes on a terminal: code points, without combining or wide forms taken into
/// account.
std::size_t display_width(std::string_view text);

/// Writes to stdout; a closed pipe is no error, a full disk is.
Result<> print(std::string_view text);

bool colour_wanted(std::FILE* stream, bool no_color_variable);

}  // namespace imgforge::cli
