// An Error as a test reads it: place and sentence, the line with a caret, the hint.
#pragma once

#include <string>

#include "base/error.h"

inline std::string error_text(const imgforge::Error& error) {
  const imgforge::Location& where = error.where();
  std::string out = where.file;
  if (where.line != 0) {
    out += ":" + std::to_string(where.line) + ":" + std::to_string(where.column);
  }
  if (!out.empty()) out += ": ";
  out += error.summary() + "\n";
  if (!where.text.empty()) {
    out += "  " + where.text + "\n";
    if (where.column > 0) out += "  " + std::string(where.column - 1, ' ') + "^\n";
  }
  if (!error.hint().empty()) out += "hint: " + error.hint() + "\n";
  return out;
}
