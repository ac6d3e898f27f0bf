// What the layers of an image hold together, with their whiteouts. Private to the room.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "evidence/layer_scan.h"

namespace imgforge::evidence {

struct FoundPython {
  PythonMetadata metadata;
  std::size_t layer;
};
struct FoundDeb {
  std::string stanza;
  std::size_t layer;  // the lowest that has this version
};

class Found {
 public:
  /// In order, lowest first; `layer` is its index in the image.
  void add(std::size_t layer, LayerFindings findings);

  const std::map<std::string, FoundPython>& python() const { return python_; }
  /// A layer had the project's metadata in this folder, and a later one removed it.
  bool python_is_gone(const std::string& site, const std::string& project) const {
    return gone_.contains({site, project});
  }
  /// Installed packages by (name, architecture): dpkg's status and status.d.
  std::map<std::pair<std::string, std::string>, FoundDeb> debs() const;
  /// By the package's own copyright file, or that of the package whose folder it shares.
  License license_of_deb(const std::string& name) const;
  /// The layer in which dpkg's record of an unpacked package (kind `deb`) lies.
  std::optional<std::size_t> layer_of_unpacked(const std::string& name) const;

 private:
  void remove(const std::string& path);

  using DebMap = std::map<std::pair<std::string, std::string>, FoundDeb>;
  std::map<std::string, FoundPython> python_;
  std::set<std::pair<std::string, std::string>> gone_;  // site, project
  std::map<std::string, License> copyrights_;
  std::map<std::string, std::string> doc_links_;
  DebMap status_;
  std::map<std::string, FoundDeb> unpacked_;
};

}  // namespace imgforge::evidence
