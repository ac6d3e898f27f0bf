// The parts of an image: packages with their versions, licences and layers, and the files of the
// project. What both kinds of SBOM document are written from.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "evidence/license.h"
#include "layer/deb_lock.h"

namespace imgforge::evidence {

/// A person or an organisation; nothing known: no name.
struct Party {
  std::string name, email;
  bool organization = false;
  bool operator==(const Party&) const = default;
};

/// "Name <address>", as Debian's Maintainer and Python's Author-email have it. Names of teams count
/// as organisations.
Party parse_party(std::string_view text);

struct Package {
  enum class Kind {
    deb,
    python,
    redist,       // an NVIDIA redistributable archive
    archive,      // kind `archive`: any tar or zip
    interpreter,  // a standalone Python
    probe,
    base_image,
  };

  Kind kind = Kind::deb;
  std::string id;  // [A-Za-z0-9.-]+, unique in the image
  std::string name, version;
  std::string architecture;  // of a deb
  Party supplier;
  std::string summary, homepage, purl;
  std::string source;     // of a deb: "util-linux 2.38.1-5"
  std::string file_name;  // of the locked input
  std::string sha256;     // of the locked input, hex; empty for what was found in a layer
  std::string download;   // only where the spec's author wrote an address
  std::string place;      // of a Python package: the folder of its metadata, "/opt/venv/…"
  License license;
  std::vector<std::size_t> layers;   // indexes of Image::layers, ascending
  std::vector<std::string> depends;  // ids, sorted
  bool locked = false;               // false: not in the lock, found in a layer
};

struct ProjectFile {
  std::string path;  // in the image, without a leading slash
  std::uint64_t size = 0;
  std::string sha256, sha1;
};

/// The files of one layer of kind `files`.
struct FileLayer {
  std::size_t layer = 0;  // index of Image::layers
  std::string commit;     // git commit that they came from; may be empty
  std::vector<ProjectFile> files;
};

struct Inventory {
  std::vector<Package> packages;  // sorted by kind, name, version
  std::vector<FileLayer> files;
  std::optional<layer::OsIdentity> os;
  /// Layers that can hold more than is listed (kinds run, archive and image): the list of packages
  /// is complete only when there are none.
  std::vector<std::size_t> unlisted;

  const Package* find(std::string_view id) const;
};

}  // namespace imgforge::evidence
