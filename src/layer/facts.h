// What is known about an image from what was locked, lowest layer first: the truth that tags,
// promise, labels and checks are made of.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

namespace imgforge::layer {

struct Component {
  std::string name;     // "torch", "cuda", "cudnn", "nccl", "python", "debian", "ubuntu", …
  std::string version;  // exact
  std::map<std::string, std::string> detail;  // torch: {"cuda": "12.4"}
  std::string source;                         // id of the layer it came from
  bool operator==(const Component&) const = default;
};

struct PythonFacts {
  std::string version;        // "3.11.2" (or "3.11" when only that is known)
  std::string executable;     // "/usr/bin/python3.11"
  std::string prefix;         // the environment that wheels go to: "/opt/venv"
  std::string minor() const;  // "3.11"
  std::string site_packages() const { return prefix + "/lib/python" + minor() + "/site-packages"; }
};

struct Facts {
  std::string os_id;       // "debian", "ubuntu": as /etc/os-release will say
  std::string os_version;  // "12", "20.04"
  std::string glibc;       // "2.36"
  std::string architecture = "amd64";
  std::string dpkg_status;  // stanzas with "Status: install ok installed", for apt layers above
  std::optional<PythonFacts> python;
  std::vector<Component> components;
  std::vector<std::string> base_env;  // "NAME=value": of a base image's own configuration

  const Component* find(std::string_view name) const;
  /// Adds, or replaces the one of that name (upper layers win).
  void set(Component component);
};

}  // namespace imgforge::layer
