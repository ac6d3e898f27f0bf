// Package URLs: the names by which scanners look vulnerabilities up. Source: purl-spec 1.0 and its
// definitions of the types deb, pypi, generic and oci.
#pragma once

#include <map>
#include <string>

namespace imgforge::evidence {

struct PackageUrl {
  std::string type;   // "deb"
  std::string space;  // "debian"; may be empty
  std::string name;
  std::string version;                            // may be empty
  std::map<std::string, std::string> qualifiers;  // empty values are left out
};

/// The canonical form.
std::string to_string(const PackageUrl& url);

}  // namespace imgforge::evidence
