// What a lock says that an image consists of, before any layer is read. Private to the room.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "evidence/deb_package.h"
#include "evidence/image.h"
#include "evidence/package.h"
#include "sources/sources.h"
#include "spec/lock.h"

namespace imgforge::evidence {

/// A package that may become one of the inventory.
struct Candidate {
  Package package;
  DebPackage deb;                          // kind deb: its relations
  std::vector<std::string> requires_dist;  // kind python
  std::string site;                        // kind python: where its wheel goes, see site_of
  std::optional<sources::Input> input;
  std::string layer_id;  // of the lock's layer
};

struct LockedContents {
  std::vector<Candidate> candidates;
  std::optional<layer::OsIdentity> os;
  std::optional<sources::PythonTarget> python;  // for markers of requirements
  /// Layer id of kind `wheels` -> "opt/venv/lib/python3.11/site-packages".
  std::map<std::string, std::string> sites;
  std::map<std::string, std::string> commits;  // layer id of kind `files` -> git commit
};

/// `architecture` is the image's. Errc::invalid for a part that its kind would refuse; unknown
/// kinds give nothing.
Result<LockedContents> read_locked(const spec::Lock& lock, const std::string& architecture);

/// The image's layers that the lock's layer `id` became: "id" itself, or "id.1", "id.2", …
std::vector<std::size_t> layers_of(const Image& image, const std::string& id);

/// Where the wheels of an image's layer ("wheels.2") went; empty for other kinds.
std::string site_of(const LockedContents& contents, const std::string& layer_id);

}  // namespace imgforge::evidence
