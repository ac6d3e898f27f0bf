// The locked part of a layer of kind `python`.
#pragma once

#include <optional>
#include <string>

#include "sources/input.h"

namespace imgforge::layer {

struct PythonPart {
  std::string version;                  // exact where known: "3.11.2"
  std::string executable;               // "/usr/bin/python3.11"
  std::string prefix;                   // of the environment: "/opt/venv"
  std::optional<sources::Input> input;  // a standalone Python's archive
};

std::string format_python_part(const PythonPart& part);
Result<PythonPart> parse_python_part(const std::string& text);

}  // namespace imgforge::layer
