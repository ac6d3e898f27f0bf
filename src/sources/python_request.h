// What uv is given, as functions of the request: the project file with its indexes, the platform,
// and the meaning of its words when it fails.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sources/sources.h"

namespace imgforge::sources {

/// The PEP 503 name that a requirement begins with; invalid for text that is no requirement of a
/// named package, unsupported for one with an address ("name @ https://…").
Result<std::string> requirement_project(std::string_view requirement);

/// A requirements.txt with its continuation lines joined: per project the sha256 hashes it allows
/// (none: any). Options other than --hash are refused: addresses are the business of `indexes`.
struct RequirementsFile {
  std::vector<std::string> requirements;  // without hashes
  std::map<std::string, std::set<std::string>> hashes;
};
Result<RequirementsFile> parse_requirements(std::string_view text);

/// True when `project` may come from the index of this rule (globs with '*' and '?').
bool may_serve(const IndexRule& rule, std::string_view project);

/// An index with its address.
struct LocatedIndex {
  IndexRule rule;
  std::string url;
};

/// pyproject.toml. Projects in `pinned` (name -> position in `indexes`) are taken from that index
/// and no other. Of the others, indexes without `only` beside the main one come first, then the
/// main one, then those with `only`; the first that has a project serves it. The text can hold
/// credentials.
std::string uv_project(const std::vector<std::string>& requirements,
                       const std::vector<LocatedIndex>& indexes,
                       const std::map<std::string, std::size_t>& pinned,
                       const PythonTarget& target);

/// The highest platform in uv's own list (the text of its --help) that is not above the target.
/// unsupported for an architecture that it does not know.
Result<std::string> uv_platform(std::string_view help, const PythonTarget& target);

/// not_found: no such package or version; invalid: contradicting requirements; unsupported: no
/// wheel for the target; unavailable and the like: the index.
Error uv_error(std::string_view output);

}  // namespace imgforge::sources
