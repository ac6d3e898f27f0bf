// The image that evidence is about: its name, its manifest and its layers, lowest first, with what
// is known of how each came to be. build::describe makes one from a manifest or a build.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "oci/descriptor.h"
#include "sources/input.h"

namespace imgforge::evidence {

struct ImageLayer {
  oci::Descriptor blob;
  std::string id;    // "os/debian12", "pytorch/wheels.3"; empty in foreign images
  std::string kind;  // "wheels"
  std::string title;
  bool executed = false;
  /// What the layer was made from; nullopt when only the manifest is known. Which package lies in
  /// which of several layers is then found by reading them.
  std::optional<std::vector<sources::Input>> inputs;
};

struct Image {
  std::string name;        // "pytorch-cuda"
  std::string repository;  // "harbor.example/ml/pytorch-cuda"; may be empty
  std::string tag;         // may be empty
  oci::Descriptor manifest;
  base::Seconds created;  // the image's epoch: the time of every document
  oci::Platform platform;
  std::vector<ImageLayer> layers;
};

/// Layers of this kind come from programs that were run, not from their inputs alone.
bool is_executed(std::string_view kind);

/// The program that writes a document: "imgforge", "0.1.0".
struct Tool {
  std::string name;
  std::string version;
};

}  // namespace imgforge::evidence
