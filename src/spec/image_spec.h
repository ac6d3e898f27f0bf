// An image as its author declares it: one YAML or JSON file under specs/, composed from layer
// definitions under layers/. Loading reads files and nothing else; the result is a value with every
// parameter substituted and every place remembered.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "document/node.h"
#include "oci/descriptor.h"

namespace imgforge::spec {

/// One kind entry after composition.
struct LayerUse {
  std::string
      id;  // unique in the image: `id:`, else the definition's name, else the kind (with -2, -3 …)
  std::string kind;
  std::string title;        // for people; may be empty
  std::string origin;       // "layers/os/debian12.yaml:7" or the spec's own place
  std::string compression;  // of this layer; empty: the image's
  document::Node entry;     // the map with parameters substituted; what layer::decode takes
};

struct RuntimeSettings {
  std::vector<std::pair<std::string, std::string>> env;  // in order; later wins
  std::vector<std::string> path;                         // folders put before PATH, first wins
  std::string workdir, user, stop_signal;
  std::vector<std::string> entrypoint, cmd, ports, volumes;
  std::map<std::string, std::string> labels;
};

struct ImageSpec {
  std::string file;               // as given
  std::string project_directory;  // the folder above specs/ (or the spec's own folder): relative
                                  // paths start here
  std::string image;              // repository name
  std::string build;              // "v2.6.1"
  oci::Platform platform;
  base::Seconds epoch;
  std::vector<LayerUse> layers;  // lowest first
  RuntimeSettings config;
  std::string driver;                // gpu.driver as written: ">=525"; may be empty
  std::optional<std::int64_t> seed;  // determinism.seed
  std::vector<std::pair<std::string, std::string>> channels;  // git branch pattern -> channel
  std::map<std::string, std::string>
      components;           // what the words promise, to be found true: {"torch": "2.6"}
  std::string registry;     // "harbor.example/ml/pytorch-cuda"; may be empty
  std::string compression;  // "gzip" by default
  std::string
      digest;  // sha256 hex over the parsed content of the spec and every definition it uses
  std::vector<std::string> files;  // every file that was read, the spec first
};

/// `file` may be a cell of a matrix (matrix.h). `layer_paths`: folders to look for definitions after `<project>/layers`.
Result<ImageSpec> load_spec(const std::string& file, const std::vector<std::string>& layer_paths);
/// The same for a document that was read before.
Result<ImageSpec> read_spec(const document::Node& root, const std::string& file,
                            const std::vector<std::string>& layer_paths);

}  // namespace imgforge::spec
