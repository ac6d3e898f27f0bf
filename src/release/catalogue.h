// A catalogue: what images there are, of a matrix that was built or of repositories, as one value
// that a file keeps (docs/reference/catalogue.md) and that pages are made of.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace imgforge::release {

// Format of the file: 1 first version.
inline constexpr int kCatalogueFormat = 1;

struct CatalogueLayer {
  std::string id, kind, title;  // of images that imgforge built
  std::string digest;           // "sha256:…"
  std::uint64_t size = 0;
  bool operator==(const CatalogueLayer&) const = default;
};

/// A passing or failing probe report of a trusted signer.
struct CatalogueProbe {
  std::string gpu;  // "NVIDIA H100"
  std::string compute_capability, driver;
  std::string sentence;  // what the probe found
  std::string at;        // RFC 3339; may be empty
  bool passed = false;
  bool operator==(const CatalogueProbe&) const = default;
};

/// Something to do about an image: an end of life, a newer input, a vulnerability.
struct CatalogueNote {
  std::string severity;  // error | warning | info
  std::string code;      // for machines
  std::string sentence;
  std::string remedy;  // may be empty
  bool operator==(const CatalogueNote&) const = default;
};

struct CatalogueImage {
  std::string
      repository;   // "harbor.example/ml/pytorch-cuda"; the image's name where it was not pushed
  std::string tag;  // the build tag, else any
  std::string digest;
  std::string cell;      // of a matrix; may be empty
  std::string created;   // RFC 3339: the epoch of its files
  std::string platform;  // "linux/amd64"
  std::uint64_t bytes = 0;
  std::map<std::string, std::string> components;
  std::map<std::string, std::string> labels;
  std::vector<CatalogueLayer> layers;  // lowest first
  std::vector<std::string> channels;
  std::vector<std::string> signers;
  std::vector<CatalogueProbe> probes;
  std::vector<CatalogueNote> notes;
  bool operator==(const CatalogueImage&) const = default;
};

/// A cell of a matrix that has no image, and why.
struct CatalogueGap {
  std::string cell, standing, reason;
  bool operator==(const CatalogueGap&) const = default;
};

/// A promotion or the way back, from a channel's signed records.
struct CatalogueMove {
  std::string repository, channel;
  std::string action;  // promote | rollback
  std::string tag, digest;
  std::string at, actor, reason;
  bool trusted = false;
  bool operator==(const CatalogueMove&) const = default;
};

struct Catalogue {
  std::string matrix;  // its name; empty for repositories
  std::vector<CatalogueImage> images;
  std::vector<CatalogueGap> gaps;
  std::vector<CatalogueMove> moves;  // newest first in each channel
  bool operator==(const Catalogue&) const = default;
};

std::string format_catalogue(const Catalogue& catalogue);
/// `name` is the file's, for errors.
Result<Catalogue> parse_catalogue(std::string_view json, const std::string& name);

/// What the images take, each layer once, and what they would take if they shared none.
struct CatalogueSizes {
  std::uint64_t stored = 0, counted = 0;
  std::size_t layers = 0;
};
CatalogueSizes sizes_of(const Catalogue& catalogue);

/// Layers that the same images hold, and no other image.
struct LayerGroup {
  std::vector<CatalogueLayer> layers;  // largest first
  std::size_t images = 0;              // at least two
  std::uint64_t size = 0;              // of the layers, each once
  std::uint64_t saved() const { return size * (images - 1); }
};
/// What sharing saves first.
std::vector<LayerGroup> shared_layers(const Catalogue& catalogue);

}  // namespace imgforge::release
