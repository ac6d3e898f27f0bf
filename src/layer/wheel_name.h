// Names of wheels as their installation needs them. Tags and versions are room sources' knowledge;
// this adds what the installer asks. Source: packaging.python.org "Binary distribution format",
// "File name convention".
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::layer {

struct WheelName {
  std::string file;          // the whole file name
  std::string distribution;  // as it stands there: "Charset_Normalizer"
  std::string project;       // by PEP 503: "charset-normalizer"
  std::string version;       // as it stands there: "2.6.0+cu118"
};

/// Errc::invalid, naming the file, when it is not the name of a wheel.
Result<WheelName> parse_wheel_name(std::string_view file);

/// Equal as PEP 440 compares ("1.0" is "1.0.0"); texts that are no versions are compared in lower
/// case with "-" for "_".
bool same_version(std::string_view one, std::string_view other);

}  // namespace imgforge::layer
