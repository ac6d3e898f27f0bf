// Names of Python distributions: wheel file names, project names and versions, compared as the
// ecosystem compares them. Sources: packaging.python.org "Binary distribution format" (file name
// convention), "Names and normalization" (PEP 503), "Version specifiers" (PEP 440).
#pragma once

#include <string>
#include <string_view>

#include "base/error.h"

namespace imgforge::layer {

/// The parts of `dist-version(-build)-python-abi-platform.whl`, as they stand there.
struct WheelName {
  std::string file;          // the whole file name
  std::string distribution;  // "charset_normalizer"
  std::string version;       // "2.6.0+cu118"
  std::string build;         // "1", usually empty
  std::string python_tag;    // "cp311", "py2.py3"
  std::string abi_tag;
  std::string platform_tag;

  std::string project() const;  // by PEP 503: "charset-normalizer"
};

/// Errc::invalid, naming the file and the part that is wrong.
Result<WheelName> parse_wheel_name(std::string_view file);

/// PEP 503: lower case, each run of "-", "_" and "." is one "-".
std::string normal_project(std::string_view name);

/// The normal form of a PEP 440 version ("1.0.0-RC1" is "1.0.0rc1"); anything that is no such
/// version comes back in lower case with "-" for "_", so that it can still be compared.
std::string normal_version(std::string_view version);

/// Equal as PEP 440 compares, so that trailing zeros do not count ("1.0" is "1.0.0").
bool same_version(std::string_view one, std::string_view other);

}  // namespace imgforge::layer
