#include "evidence/settle.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>

#include "evidence/purl.h"
#include "layer/wheel_name.h"

namespace imgforge::evidence {
namespace {

using Kind = Package::Kind;

std::string_view prefix_of(Kind kind) {
  switch (kind) {
    case Kind::deb:
      return "deb";
    case Kind::python:
      return "python";
    case Kind::redist:
      return "redist";
    case Kind::archive:
      return "archive";
    case Kind::interpreter:
      return "interpreter";
    case Kind::probe:
      return "probe";
    case Kind::base_image:
      return "base";
  }
  return "package";
}

/// Letters, digits, "." and "-": what SPDX allows in an identifier.
std::string id_of(const Package& package) {
  std::string id = fmt::format("{}-{}", prefix_of(package.kind), package.name);
  if (package.kind == Kind::deb && !package.architecture.empty()) id += "-" + package.architecture;
  for (char& c : id) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '-';
    if (!plain) c = '-';
  }
  return id;
}

/// An upper layer's package takes the place of the lower one's of the same name.
void drop_replaced(std::vector<Candidate>& candidates) {
  std::set<std::tuple<std::string, std::string>> seen;
  std::vector<Candidate> kept;
  for (auto it = candidates.rbegin(); it != candidates.rend(); ++it) {
    const Package& package = it->package;
    if (package.kind == Kind::deb && !seen.emplace(package.name, package.architecture).second) {
      continue;
    }
    kept.push_back(std::move(*it));
  }
  std::reverse(kept.begin(), kept.end());
  candidates = std::move(kept);
}

/// dpkg's own word is the last: what it says of another version, or that the lock does not name,
/// came with a base image or a command.
void match_debs(LockedContents& contents, const Found& found) {
  std::map<std::pair<std::string, std::string>, Candidate*> locked;
  for (Candidate& candidate : contents.candidates) {
    if (candidate.package.kind != Kind::deb) continue;
    locked[{candidate.package.name, candidate.package.architecture}] = &candidate;
  }
  std::set<const Candidate*> replaced;
  std::vector<Candidate> more;
  for (const auto& [key, deb] : found.debs()) {
    const auto same = locked.find(key);
    Candidate candidate{.deb = parse_deb_stanza(deb.stanza, contents.os)};
    candidate.package = candidate.deb.package;
    if (same != locked.end()) {
      if (same->second->package.version == candidate.package.version) continue;
      replaced.insert(same->second);
    }
    candidate.package.layers = {deb.layer};
    more.push_back(std::move(candidate));
  }
  std::vector<Candidate> kept;
  for (Candidate& candidate : contents.candidates) {
    if (!replaced.contains(&candidate)) kept.push_back(std::move(candidate));
  }
  for (Candidate& candidate : more) kept.push_back(std::move(candidate));
  contents.candidates = std::move(kept);
}

void describe(Candidate& candidate, const std::string& place, const FoundPython& found) {
  Package& package = candidate.package;
  const PythonMetadata& metadata = found.metadata;
  package.place = place;
  package.summary = metadata.summary;
  package.homepage = metadata.homepage;
  package.supplier = metadata.author;
  package.license = metadata.license;
  candidate.requires_dist = metadata.requires_dist;
  package.layers = {found.layer};
}

bool is_locked_wheel(const Candidate& candidate, std::string_view place,
                     const PythonMetadata& metadata) {
  const Package& package = candidate.package;
  return package.kind == Kind::python && package.locked && package.place.empty() &&
         package.name == metadata.project &&
         layer::same_version(package.version, metadata.version) &&
         place.substr(0, place.rfind('/')) == candidate.site;
}

void match_python(LockedContents& contents, const Found& found) {
  std::vector<Candidate> more;
  for (const auto& [place, python] : found.python()) {
    const auto same = std::find_if(contents.candidates.begin(), contents.candidates.end(),
                                   [&](const Candidate& candidate) {
                                     return is_locked_wheel(candidate, place, python.metadata);
                                   });
    if (same != contents.candidates.end()) {
      describe(*same, place, python);
      continue;
    }
    Candidate candidate;
    candidate.package.kind = Kind::python;
    candidate.package.name = python.metadata.project;
    candidate.package.version = python.metadata.version;
    candidate.package.purl = to_string(
        {.type = "pypi", .name = python.metadata.project, .version = python.metadata.version});
    describe(candidate, place, python);
    more.push_back(std::move(candidate));
  }
  std::erase_if(contents.candidates, [&](const Candidate& candidate) {
    const Package& package = candidate.package;
    return package.kind == Kind::python && package.place.empty() &&
           found.python_is_gone(candidate.site, package.name);
  });
  for (Candidate& candidate : more) contents.candidates.push_back(std::move(candidate));
}

bool made_from(const ImageLayer& layer, const oci::Digest& input) {
  return layer.inputs && std::any_of(layer.inputs->begin(), layer.inputs->end(),
                                     [&](const auto& one) { return one.digest == input; });
}

/// Which of the layers that the locked layer became: by its inputs, by dpkg's record, by its title
/// ("NAME VERSION" of a layer with one package). The rest share the first.
std::vector<std::size_t> place(const Candidate& candidate, const Image& image,
                               const std::vector<std::size_t>& among, const Found& found) {
  const Package& package = candidate.package;
  if (among.size() <= 1 || package.kind == Kind::base_image) return among;
  for (const std::size_t i : among) {
    if (candidate.input && made_from(image.layers[i], candidate.input->digest)) return {i};
  }
  if (package.kind == Kind::deb) {
    if (const auto layer = found.layer_of_unpacked(package.name)) return {*layer};
  }
  const std::string title = package.name + " " + package.version;
  for (const std::size_t i : among) {
    if (image.layers[i].title == title) return {i};
  }
  return {among.front()};
}

Result<> place_locked(const Image& image, const Found& found, std::vector<Candidate>& candidates) {
  for (Candidate& candidate : candidates) {
    if (!candidate.package.locked || !candidate.package.layers.empty()) continue;
    const auto among = layers_of(image, candidate.layer_id);
    if (among.empty()) {
      return fail(Error(Errc::mismatch, fmt::format("the lock's layer {} is not in the image {}",
                                                    candidate.layer_id, image.name))
                      .hint("take the lock that the image was built from"));
    }
    candidate.package.layers = place(candidate, image, among, found);
  }
  return {};
}

void sort_and_name(std::vector<Candidate>& candidates) {
  const auto order = [](const Candidate& candidate) {
    const Package& package = candidate.package;
    return std::tie(package.kind, package.name, package.architecture, package.version,
                    package.place, package.layers);
  };
  std::sort(candidates.begin(), candidates.end(),
            [&](const Candidate& a, const Candidate& b) { return order(a) < order(b); });
  std::set<std::string> taken;
  for (Candidate& candidate : candidates) {
    const std::string wanted = id_of(candidate.package);
    std::string id = wanted;
    for (int number = 2; !taken.insert(id).second; ++number) {
      id = fmt::format("{}-{}", wanted, number);
    }
    candidate.package.id = std::move(id);
  }
}

}  // namespace

Result<std::vector<Package>> settle_packages(const Image& image, LockedContents contents,
                                             const Found& found) {
  drop_replaced(contents.candidates);
  match_debs(contents, found);
  match_python(contents, found);
  TRY(place_locked(image, found, contents.candidates));
  for (Candidate& candidate : contents.candidates) {
    Package& package = candidate.package;
    if (package.kind == Kind::deb) package.license = found.license_of_deb(package.name);
  }
  sort_and_name(contents.candidates);
  resolve_dependencies(contents.candidates, contents.python);
  std::vector<Package> packages;
  for (Candidate& candidate : contents.candidates) packages.push_back(std::move(candidate.package));
  return packages;
}

}  // namespace imgforge::evidence
