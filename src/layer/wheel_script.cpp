#include "layer/wheel_script.h"

#include <fmt/format.h>

namespace imgforge::layer {

namespace {

// Linux reads at most 127 bytes of "#!..." (BINPRM_BUF_SIZE is 128 before 5.1; later kernels read
// 255, and the image may run on an older one).
constexpr std::size_t kLongestInterpreterLine = 127;

}  // namespace

std::string interpreter_line(std::string_view prefix) {
  const std::string interpreter = fmt::format("{}/bin/python", prefix);
  const bool has_space = interpreter.find(' ') != std::string::npos;
  if (!has_space && interpreter.size() + 3 <= kLongestInterpreterLine) {
    return "#!" + interpreter + "\n";
  }
  return fmt::format("#!/bin/sh\n'''exec' \"{}\" \"$0\" \"$@\"\n' '''\n", interpreter);
}

bool asks_for_interpreter(std::string_view first_bytes) {
  return first_bytes.starts_with("#!python");
}

std::string with_interpreter(std::string_view script, std::string_view prefix) {
  const auto end = script.find('\n');
  const std::string_view rest =
      end == std::string_view::npos ? std::string_view() : script.substr(end + 1);
  return interpreter_line(prefix).append(rest);
}

std::string launcher_text(const EntryPoint& point, std::string_view prefix) {
  const std::string imported = point.attribute.substr(0, point.attribute.find('.'));
  return fmt::format(
      "{}# -*- coding: utf-8 -*-\n"
      "import sys\n"
      "from {} import {}\n"
      "if __name__ == \"__main__\":\n"
      "    sys.exit({}())\n",
      interpreter_line(prefix), point.module, imported, point.attribute);
}

}  // namespace imgforge::layer
