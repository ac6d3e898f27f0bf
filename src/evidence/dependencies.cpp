#include <algorithm>
#include <map>

#include "evidence/settle.h"
#include "sources/markers.h"

namespace imgforge::evidence {
namespace {

using Ids = std::multimap<std::string, std::string>;  // name -> package id

Ids ids_of_debs(const std::vector<Candidate>& candidates) {
  Ids ids;
  for (const Candidate& candidate : candidates) {
    if (candidate.package.kind != Package::Kind::deb) continue;
    ids.emplace(candidate.package.name, candidate.package.id);
  }
  return ids;
}

Ids ids_of_provided(const std::vector<Candidate>& candidates) {
  Ids ids;
  for (const Candidate& candidate : candidates) {
    for (const std::string& name : candidate.deb.provides) ids.emplace(name, candidate.package.id);
  }
  return ids;
}

/// The first alternative that is there; a virtual package by what provides it.
void add_group(const std::vector<std::string>& alternatives, const Ids& real, const Ids& provided,
               std::vector<std::string>& out) {
  for (const Ids* ids : {&real, &provided}) {
    for (const std::string& name : alternatives) {
      const auto found = ids->find(name);
      if (found == ids->end()) continue;
      out.push_back(found->second);
      return;
    }
  }
}

/// Where a Python package looks for its dependencies: beside itself.
std::string site_of(const Package& package) {
  return package.place.substr(0, package.place.rfind('/'));
}

using Site = std::pair<std::string, std::string>;  // folder, project

bool applies(const Requirement& requirement,
             const std::map<std::string, std::string>& environment) {
  if (requirement.marker.empty()) return true;
  return sources::evaluate_marker(requirement.marker, environment).value_or(false);
}

void make_unique(std::vector<std::string>& ids, const std::string& self) {
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  std::erase(ids, self);
}

}  // namespace

void resolve_dependencies(std::vector<Candidate>& candidates,
                          const std::optional<sources::PythonTarget>& python) {
  const Ids real = ids_of_debs(candidates), provided = ids_of_provided(candidates);
  std::map<Site, std::string> projects;
  for (const Candidate& candidate : candidates) {
    const Package& package = candidate.package;
    if (package.kind != Package::Kind::python) continue;
    projects.emplace(Site{site_of(package), normal_project(package.name)}, package.id);
  }
  std::map<std::string, std::string> environment;
  if (python) environment = sources::marker_environment(*python);
  environment.emplace("extra", "");  // which extras were asked for is not locked
  for (Candidate& candidate : candidates) {
    Package& package = candidate.package;
    for (const auto& group : candidate.deb.depends) {
      add_group(group, real, provided, package.depends);
    }
    for (const std::string& text : candidate.requires_dist) {
      const Requirement requirement = parse_requirement(text);
      const auto target = projects.find({site_of(package), requirement.project});
      if (target != projects.end() && applies(requirement, environment)) {
        package.depends.push_back(target->second);
      }
    }
    make_unique(package.depends, package.id);
  }
}

}  // namespace imgforge::evidence
