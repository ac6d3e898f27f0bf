// What METADATA (or PKG-INFO) of an installed Python package says for an SBOM. Source:
// packaging.python.org "Core metadata specifications", versions 1.0 to 2.4.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evidence/license.h"
#include "evidence/package.h"

namespace imgforge::evidence {

struct PythonMetadata {
  std::string name;     // as it stands there
  std::string project;  // by PEP 503
  std::string version;
  std::string summary, homepage;
  Party author;
  License license;
  std::vector<std::string> requires_dist;  // PEP 508, verbatim
};

/// nullopt for text without Name and Version. Reads the header only; never fails on the rest.
std::optional<PythonMetadata> parse_python_metadata(std::string_view text);

/// "Typing_Extensions" -> "typing-extensions" (PEP 503).
std::string normal_project(std::string_view name);

/// The project that a requirement names, and its marker: "numpy<3; python_version < '3.12'".
struct Requirement {
  std::string project;
  std::string marker;
};
Requirement parse_requirement(std::string_view text);

}  // namespace imgforge::evidence
