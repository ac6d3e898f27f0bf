// The texts of programs in an environment's bin: launchers of entry points, and scripts whose first
// line gets the environment's interpreter. The text is imgforge's own and part of the wheel
// installer's revision.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "layer/wheel_metadata.h"

namespace imgforge::layer {

/// The line(s) that make the kernel run PREFIX/bin/python on the rest: "#!PREFIX/bin/python\n", or,
/// where the kernel would not take that (more than 127 bytes, a space), the /bin/sh construct that
/// is valid shell and valid Python (as pip and uv write it).
std::string interpreter_line(std::string_view prefix);

/// Whether a script of a wheel begins with "#!python" and so asks for an interpreter.
bool asks_for_interpreter(std::string_view first_bytes);

/// `script` (which asks for it) with its first line replaced.
std::string with_interpreter(std::string_view script, std::string_view prefix);

std::string launcher_text(const EntryPoint& point, std::string_view prefix);

}  // namespace imgforge::layer
